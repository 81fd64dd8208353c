import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { redeem, release } from "../../src/core/admission/redemption.ts";
import { sha256 } from "../../src/core/bytes/sha256.ts";
import { unixMs } from "../../src/core/clock.ts";
import { GroupId, PublicKey } from "../../src/core/ids.ts";
import type { IssuedLink, NodeStore } from "../../src/store/node-store.ts";
import { HINTS_PER_PEER_MAX, type NodeStoreLimits } from "../../src/store/store-limits.ts";
import { expectCode } from "../support/expect-code.ts";
import { GROUP } from "../support/message.ts";

/** What one node keeps, for one test. */
export interface NodeStoreWorld extends Disposable {
  readonly store: NodeStore;
  /** What the store was told to keep. */
  readonly limits: NodeStoreLimits;
  /** Closes the store and opens what it kept; a driver that keeps nothing gives the same one. */
  reopen(): NodeStore;
}

interface RedeemSequence {
  readonly kind: string;
  readonly name: string;
  readonly max_uses: number;
  readonly expires_at_ms: number;
  readonly steps: readonly {
    readonly op: string;
    readonly redeemer: string;
    readonly now_ms: number;
    readonly expect: string;
    readonly use_count: number;
    readonly replay?: boolean;
  }[];
}

const vectors: { readonly cases: readonly RedeemSequence[] } = await Bun.file(
  join(import.meta.dir, "../vectors/invite.json"),
).json();
const redeemSequences = vectors.cases.filter(({ kind }) => kind === "redeem_sequence");

const OTHER_GROUP = GroupId.fromBytes(new Uint8Array(32).fill(9));

/** The questions every node store answers alike. Call inside a test file, once per driver. */
export function nodeStoreContract(name: string, makeWorld: () => NodeStoreWorld): void {
  const check = (sentence: string, body: (store: NodeStore, world: NodeStoreWorld) => void) =>
    test(sentence, () => {
      using world = makeWorld();
      body(world.store, world);
    });

  describe(`links in ${name}`, () => {
    check("a link is kept with every field, found by hash and listed by age in its group", ({ links }, world) => {
      const [young, old] = [link(1, { created_at_ms: 20, expires_at_ms: 99, uses: 3 }), link(2, { created_at_ms: 10 })];
      links.create(young);
      links.create(old);
      links.create(link(3, { group_id: OTHER_GROUP }));
      expectCode("conflict", () => links.create(young));
      const kept = world.reopen().links;
      expect(kept.list(GROUP)).toEqual([old, young]);
      expect(kept.get(young.token_hash)).toEqual(young);
      expect(kept.get("00".repeat(32))).toBeUndefined();
      expect(kept.get("not a hash")).toBeUndefined();
    });

    check("a link that makes no sense is refused", ({ links }) => {
      for (const bad of [
        { token_hash: "zz" },
        { id: "0000000000000000" },
        { uses: -1 },
        { used: 0.5 },
        { created_at_ms: -1 },
      ]) {
        expectCode("invalid_argument", () => links.create({ ...link(1), ...bad }));
      }
      expect(links.list(GROUP)).toEqual([]);
    });

    check("each key takes one use, however often it asks, until all are taken", ({ links }, world) => {
      const two = link(1, { uses: 2 });
      links.create(two);
      const redeem = (n: number) =>
        world.store.links.redeem({ tokenHash: two.token_hash, key: key(n), nowMs: unixMs(5) });
      expect(redeem(1)).toEqual({ kind: "redeemed", repeated: false, link: { ...two, used: 1 } });
      expect(redeem(1)).toEqual({ kind: "redeemed", repeated: true, link: { ...two, used: 1 } });
      expect(redeem(2)).toEqual({ kind: "redeemed", repeated: false, link: { ...two, used: 2 } });
      world.reopen();
      expect(redeem(3)).toEqual({ kind: "refused", reason: "used_up" });
      expect(redeem(2)).toMatchObject({ kind: "redeemed", repeated: true });
      world.store.links.release(two.token_hash, key(1));
      world.store.links.release(two.token_hash, key(1));
      expect(world.store.links.get(two.token_hash)!.used).toBe(1);
      expect(redeem(3)).toMatchObject({ kind: "redeemed", repeated: false });
    });

    check("revoked is told before expired, expired before used up, also to who redeemed before", ({ links }) => {
      const one = link(1, { uses: 1, expires_at_ms: 10 });
      links.create(one);
      const redeem = (n: number, nowMs: number) =>
        links.redeem({ tokenHash: one.token_hash, key: key(n), nowMs: unixMs(nowMs) });
      expect(redeem(1, 9)).toMatchObject({ kind: "redeemed" });
      expect(redeem(2, 9)).toEqual({ kind: "refused", reason: "used_up" });
      expect(redeem(1, 10)).toEqual({ kind: "refused", reason: "expired" });
      expect(links.revoke(OTHER_GROUP, one.id)).toBeUndefined();
      expect(links.revoke(GROUP, one.id)).toEqual({ ...one, used: 1, revoked: true });
      expect(links.revoke(GROUP, one.token_hash)).toEqual({ ...one, used: 1, revoked: true });
      expect(links.revoke(GROUP, "ffff")).toBeUndefined();
      expect(redeem(1, 10)).toEqual({ kind: "refused", reason: "revoked" });
      expect(links.get(one.token_hash)!.revoked).toBeTrue();
      expect(links.redeem({ tokenHash: "11".repeat(32), key: key(1), nowMs: unixMs(0) })).toEqual({
        kind: "refused",
        reason: "not_found",
      });
    });

    check("any history of a link has the outcomes of the rule in core", ({ links }) => {
      const who = fc.nat({ max: 3 });
      const step = fc.oneof(
        {
          weight: 6,
          arbitrary: fc.record({ op: fc.constant("redeem"), who, nowMs: fc.integer({ min: 98, max: 101 }) }),
        },
        { weight: 2, arbitrary: fc.record({ op: fc.constant("release"), who, nowMs: fc.constant(0) }) },
        { weight: 1, arbitrary: fc.record({ op: fc.constant("revoke"), who, nowMs: fc.constant(0) }) },
      );
      const fields = fc.record({ uses: fc.nat({ max: 3 }), expires_at_ms: fc.constantFrom(0, 100) });
      let token = 0;
      fc.assert(
        fc.property(fields, fc.array(step, { maxLength: 16 }), (chosen, steps) => {
          let expected = link(++token, chosen);
          const holders = new Set<number>();
          links.create(expected);
          for (const { op, who, nowMs } of steps) {
            const tokenHash = expected.token_hash;
            if (op === "redeem") {
              const outcome = redeem(expected, { repeated: holders.has(who), nowMs: unixMs(nowMs) });
              expect(links.redeem({ tokenHash, key: key(who), nowMs: unixMs(nowMs) })).toEqual(outcome);
              if (outcome.kind === "redeemed") {
                expected = outcome.link;
                holders.add(who);
              }
            } else if (op === "release") {
              if (holders.delete(who)) expected = release(expected);
              links.release(tokenHash, key(who));
            } else {
              expected = { ...expected, revoked: true };
              links.revoke(GROUP, expected.id);
            }
            expect(links.get(tokenHash)).toEqual(expected);
          }
          // Dead, so that it makes room where the store keeps few.
          links.revoke(GROUP, expected.id);
        }),
        { numRuns: 30 },
      );
    });

    for (const { name: sequence, ...vector } of redeemSequences) {
      check(`a link goes as an open invite of the original's does: ${sequence}`, ({ links }) => {
        const open = link(1, { uses: vector.max_uses, expires_at_ms: vector.expires_at_ms });
        links.create(open);
        for (const [at, { op, redeemer, now_ms: nowMs, ...expected }] of vector.steps.entries()) {
          const who = { tokenHash: open.token_hash, key: key(redeemer.charCodeAt(0)) };
          const outcome = op === "redeem" ? links.redeem({ ...who, nowMs: unixMs(nowMs) }) : undefined;
          if (op === "release") links.release(who.tokenHash, who.key);
          if (op === "revoke") links.revoke(GROUP, open.id);
          expect({ at, used: links.get(open.token_hash)?.used }).toEqual({ at, used: expected.use_count });
          if (outcome?.kind === "redeemed")
            expect({ at, repeated: outcome.repeated }).toEqual({ at, repeated: expected.replay! });
          else if (outcome) expect(outcome.reason.replace("used_up", "exhausted")).toBe(expected.expect);
        }
      });
    }

    check("where all links are taken the oldest dead one makes room, and without one there is none", (store, world) => {
      const { links } = store;
      const max = world.limits.links;
      for (let i = 0; i < max; i++) {
        links.create(link(i, { created_at_ms: i + 1, expires_at_ms: i === 7 ? 20_000 : 0, revoked: i === 8 }));
      }
      links.create(link(max, { created_at_ms: 20_000 }));
      expect(links.get(link(7).token_hash)).toBeUndefined();
      links.create(link(max + 1, { created_at_ms: 20_001 }));
      expect(links.get(link(8).token_hash)).toBeUndefined();
      expectCode("conflict", () => links.create(link(max + 2, { created_at_ms: 20_002 })));
      expect(links.list(GROUP).length).toBe(max);
    });
  });

  describe(`hints in ${name}`, () => {
    check("new hints go before old ones, each once, at most eight", ({ hints }, world) => {
      expect(hints.hints(key(1))).toEqual([]);
      hints.put(key(1), ["a", "b", "c"], unixMs(1));
      hints.put(key(1), ["d", "b"], unixMs(2));
      expect(world.reopen().hints.hints(key(1))).toEqual(["d", "b", "a", "c"]);
      world.store.hints.put(key(1), ["1", "2", "3", "4", "5", "6", "7"], unixMs(3));
      expect(world.store.hints.hints(key(1))).toEqual(["1", "2", "3", "4", "5", "6", "7", "d"]);
      expect(world.store.hints.hints(key(1)).length).toBe(HINTS_PER_PEER_MAX);
      expect(world.store.hints.signed(key(1))).toBeUndefined();
      expectCode("invalid_argument", () => world.store.hints.put(key(1), [""], unixMs(4)));
      expectCode("invalid_argument", () => world.store.hints.put(key(1), ["x".repeat(513)], unixMs(4)));
    });

    check(
      "of signed hints the one with the greatest uint64 number stays, of equal ones the later",
      ({ hints }, world) => {
        const bytes = (n: number) => new Uint8Array([n]);
        hints.put(key(1), ["a"], unixMs(1));
        hints.putSigned(key(1), { seq: 2n ** 63n, bytes: bytes(1) }, unixMs(1));
        hints.putSigned(key(1), { seq: 5n, bytes: bytes(2) }, unixMs(2));
        hints.putSigned(key(1), { seq: 2n ** 63n, bytes: bytes(3) }, unixMs(3));
        const kept = world.reopen().hints;
        expect(kept.signed(key(1))).toEqual({ seq: 2n ** 63n, bytes: bytes(3) });
        kept.putSigned(key(1), { seq: 2n ** 64n - 1n, bytes: bytes(4) }, unixMs(4));
        expect(kept.signed(key(1))).toEqual({ seq: 2n ** 64n - 1n, bytes: bytes(4) });
        expect(kept.hints(key(1))).toEqual(["a"]);
        for (const bad of [
          { seq: -1n, bytes: bytes(1) },
          { seq: 2n ** 64n, bytes: bytes(1) },
          { seq: 1n, bytes: new Uint8Array(8193) },
        ]) {
          expectCode("invalid_argument", () => kept.putSigned(key(2), bad, unixMs(5)));
        }
      },
    );

    check("where all peers are taken the one unheard of for longest is forgotten", ({ hints }, { limits }) => {
      for (let i = 0; i < limits.hintPeers; i++) hints.put(key(i), ["x"], unixMs(10 + i));
      hints.put(key(0), ["y"], unixMs(10_000));
      hints.put(key(limits.hintPeers), ["z"], unixMs(1));
      expect(hints.hints(key(1))).toEqual([]);
      expect(hints.hints(key(0))).toEqual(["y", "x"]);
      expect(hints.hints(key(2))).toEqual(["x"]);
      expect(hints.hints(key(limits.hintPeers))).toEqual(["z"]);
    });
  });

  describe(`settings in ${name}`, () => {
    check("a setting is what was last said of it, also after reopening", (store, world) => {
      store.setSetting("iroh_port", "4711");
      store.setSetting("gone", "1");
      store.setSetting("gone", undefined);
      expect(world.reopen().getSetting("iroh_port")).toBe("4711");
      expect(world.store.getSetting("gone")).toBeUndefined();
    });
  });
}

function key(n: number): PublicKey {
  return PublicKey.fromBytes(sha256(new TextEncoder().encode(`key ${n}`)));
}

function link(n: number, fields: Partial<IssuedLink> = {}): IssuedLink {
  const token_hash = sha256(new TextEncoder().encode(`token ${n}`)).toHex();
  return {
    id: token_hash.slice(0, 16),
    token_hash,
    group_id: GROUP,
    uses: 0,
    used: 0,
    created_at_ms: 1,
    expires_at_ms: 0,
    revoked: false,
    ...fields,
  };
}
