import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { BoundedMap } from "../../src/core/bounded-map.ts";
import { steadyMs, unixMs } from "../../src/core/clock.ts";
import { FairShares } from "../../src/core/fair-shares.ts";
import { MessageId, RosterEntryId } from "../../src/core/ids.ts";
import { topologicalOrder } from "../../src/core/order/order.ts";
import { encodeReceipt, RECEIPT_ROWS_MAX } from "../../src/core/record/note-bodies.ts";
import type { RosterEntry } from "../../src/core/record/records.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { SaltedMap, SaltedSet, saltKeys } from "../../src/core/salted-map.ts";
import type { MessageIndex } from "../../src/machine/group-view.ts";
import { MACHINE_DEFAULTS } from "../../src/machine/machine-config.ts";
import { MissingIds } from "../../src/machine/missing-ids.ts";
import { Pull } from "../../src/machine/pull.ts";
import { PullClaims } from "../../src/machine/pull-claims.ts";
import { GroupRoster } from "../../src/node/group/group-roster.ts";
import { KeptReceipts } from "../../src/node/notes/kept-receipts.ts";
import type { Moot } from "../../src/node/read/moots.ts";
import type { RosterStore } from "../../src/store/group-store.ts";
import { node } from "../machine/group.ts";
import { IDS_OF_ONE_HASH, readAnew } from "../support/ids-of-one-hash.ts";

const drawSalt = () => saltKeys(crypto.getRandomValues(new Uint8Array(16)).toHex());
drawSalt();

const RANDOM = IDS_OF_ONE_HASH.map(() => MessageId.fromBytes(crypto.getRandomValues(new Uint8Array(32))));

const key = fc.oneof(fc.constantFrom("", "a", "b", "é", "__proto__"), fc.constantFrom(0, 1, Number.NaN));
const step = fc.record({ does: fc.constantFrom("set", "get", "has", "delete", "clear"), key, value: fc.nat() });

test("a salted map does what a map does, in its order", () => {
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const [plain, salted] = [new Map<unknown, number>(), new SaltedMap<unknown, number>()];
      const set = new SaltedSet<unknown>();
      for (const { does, key, value } of steps) {
        if (does === "set") {
          plain.set(key, value);
          salted.set(key, value);
          set.add(key);
        } else if (does === "clear") for (const each of [plain, salted, set]) each.clear();
        else if (does === "get") expect(salted.get(key)).toBe(plain.get(key));
        else if (does === "has") expect([salted.has(key), set.has(key)]).toEqual([plain.has(key), plain.has(key)]);
        else expect([salted.delete(key), set.delete(key)]).toEqual(new Array(2).fill(plain.delete(key)));
      }
      expect([...salted]).toEqual([...plain]);
      expect([[...salted.keys()], [...salted.values()]]).toEqual([[...plain.keys()], [...plain.values()]]);
      expect([[...set], set.size, salted.size]).toEqual([[...plain.keys()], plain.size, plain.size]);
    }),
  );
});

/** A log whose founder signed these as keys. */
function logOf(keys: readonly string[]): RosterLog {
  const entries = keys.map((key, n): RosterEntry => {
    const subject = { pilot_node_id: n + 1, entmoot_pubkey: Uint8Array.fromHex(key) };
    return { id: RosterEntryId.zero, op: "add", subject, actor: 1, timestamp: BigInt(n), parents: [], ...UNSIGNED };
  });
  return RosterLog.ofVerified(entries);
}

const UNSIGNED = { policy: undefined, signature: new Uint8Array(64) };

/** A moot in which a member says what became of these. */
function mootOf(ids: readonly MessageId[]): Moot {
  const bodies = Array.from({ length: ids.length / RECEIPT_ROWS_MAX }, (_, n) => {
    const rows = ids.slice(n * RECEIPT_ROWS_MAX, (n + 1) * RECEIPT_ROWS_MAX).map((messageId) => {
      return { messageId, state: "read" as const, arrivedMs: 0, deliveredMs: 0, readMs: 0, doneMs: 0 };
    });
    return encodeReceipt({ nobodySinceMs: 0, rows });
  });
  const all = () => bodies.map((body) => ({ kind: "receipt", author: node(1), body }));
  return { roster: { members: new Map([[node(1), {}]]) }, store: { notes: { all } } } as unknown as Moot;
}

type Taker = (ids: readonly MessageId[]) => (() => unknown) | undefined;

/** Everything that takes ids as peers name them, many at a time; of what gives something to be done, that is measured alone. */
const TAKERS: Readonly<Record<string, Taker>> = {
  "a salted map": (ids) => {
    const map = new SaltedMap<MessageId, number>();
    for (const id of ids) map.set(id, 1);
    return undefined;
  },
  "a salted set": (ids) => () => new SaltedSet(ids),
  "a bounded map": (ids) => {
    const map = new BoundedMap<MessageId, number>(ids.length);
    for (const id of ids) map.set(id, 1);
    return undefined;
  },
  "fair shares": (ids) => {
    const shares = new FairShares<number, MessageId>();
    for (const id of ids) shares.add(1, id);
    return undefined;
  },
  "what is missing": (ids) => {
    const missing = new MissingIds({
      ...MACHINE_DEFAULTS,
      missingIds: { ...MACHINE_DEFAULTS.missingIds, perPeerMax: ids.length },
    });
    for (const id of ids) missing.name(id, node(1), 0);
    missing.due(steadyMs(1), () => 0);
    return undefined;
  },
  "the order of messages": (ids) => {
    topologicalOrder(ids.map((id, n) => ({ id, timestamp: BigInt(n), author: 1, parents: ids.slice(n - 1, n) })));
    return undefined;
  },
  "a page of a pull": (ids) => {
    const index = { size: 0, unknown: (all: readonly MessageId[]) => [...all] } as unknown as MessageIndex;
    const claims = new PullClaims();
    const given = { peer: node(1), claims, isSkipped: () => false, sinceMs: 0, nowMs: steadyMs(0) };
    const pull = new Pull({ ...given, index, config: MACHINE_DEFAULTS });
    pull.advance([], { fetch: false, nowMs: steadyMs(0) });
    expect(pull.onPage({ kind: "ids_page", from: node(1), ids, next: undefined }, steadyMs(0))).toBeTrue();
    pull.advance([], { fetch: true, nowMs: steadyMs(0) });
    return undefined;
  },
  "the members of a roster": (ids) => {
    const log = logOf(ids);
    return () => new GroupRoster({ forks: () => [] } as unknown as RosterStore, log).members;
  },
  "the authors of a roster": (ids) => {
    const log = logOf(ids);
    return () => new GroupRoster({ forks: () => [] } as unknown as RosterStore, log).knowsAuthor(node(1));
  },
  "receipts of messages": (ids) => {
    const moot = mootOf(ids);
    return () => new KeptReceipts(moot, { clock: { unix: () => unixMs(0) }, presence: () => undefined });
  },
};

/** The least of several times, in milliseconds: what the machine does beside it only adds. */
function leastMs(ids: readonly MessageId[], take: Taker): number {
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 12; n += 1) {
    const fresh = readAnew(ids);
    const before = performance.now();
    const rest = take(fresh);
    const since = rest === undefined ? before : performance.now();
    rest?.();
    least = Math.min(least, performance.now() - since);
  }
  return least;
}

/** Of what is done with two thousand ids; a plain table takes some fifty times as long for those of one hash. */
const RATIO_MAX = 6;

describe("ids that somebody chose by their hashes cost no more than others in", () => {
  for (const [name, take] of Object.entries(TAKERS)) {
    test(name, () => {
      leastMs(RANDOM, take);
      expect(leastMs(IDS_OF_ONE_HASH, take) / leastMs(RANDOM, take)).toBeLessThan(RATIO_MAX);
    });
  }
});

test.each(["node/entmoot-node.ts", "node/read/local-reader.ts"])(
  "whatever begins with %s has a secret of its own",
  (file) => {
    const source = (path: string) => JSON.stringify(join(import.meta.dir, "..", "..", "src", path));
    const support = JSON.stringify(join(import.meta.dir, "..", "support", "ids-of-one-hash.ts"));
    // A plain table of these takes some ten milliseconds, a salted one a tenth of one.
    const script = `
    await import(${source(file)});
    const { IDS_OF_ONE_HASH, readAnew } = await import(${support});
    const { SaltedSet } = await import(${source("core/salted-map.ts")});
    let least = [Infinity, Infinity];
    for (let n = 0; n < 12; n += 1) {
      for (const [at, Table] of [Set, SaltedSet].entries()) {
        const ids = readAnew(IDS_OF_ONE_HASH);
        const since = performance.now();
        new Table(ids);
        least[at] = Math.min(least[at], performance.now() - since);
      }
    }
    console.log(least[0] / least[1]);
  `;
    const { stdout, stderr } = Bun.spawnSync([process.execPath, "-e", script]);
    expect(stderr.toString()).toBe("");
    expect(Number(stdout.toString())).toBeGreaterThan(RATIO_MAX);
  },
);

test("a copy is another table, and what one lacks of the other is told, also where their secrets differ", () => {
  const before = new SaltedMap([
    ["a", 1],
    ["b", 2],
  ]);
  const copies = [before, new SaltedMap(before)];
  copies[1]!.delete("a");
  copies[1]!.set("c", 3);
  expect([...before]).toEqual([
    ["a", 1],
    ["b", 2],
  ]);
  const set = new SaltedSet(["a"]);
  const other = new SaltedSet(set);
  other.add("b");
  expect([[...set], [...other]]).toEqual([["a"], ["a", "b"]]);
  drawSalt();
  try {
    const later = new SaltedMap([
      ["b", 5],
      ["c", 6],
    ]);
    for (const after of [copies[1]!, later, new SaltedMap(copies[1]!)]) {
      expect([...after.notIn(before)].map(([key]) => key)).toEqual(["c"]);
      expect([...before.notIn(after)]).toEqual([["a", 1]]);
    }
    expect([...new SaltedSet(other)]).toEqual(["a", "b"]);
  } finally {
    drawSalt();
  }
});
