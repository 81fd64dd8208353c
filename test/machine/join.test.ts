import { expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { MerkleRoot, PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import type { Invite } from "../../src/core/record/records.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { candidatesOf, Join, type JoinCandidate, type JoinEffect, type JoinEvent } from "../../src/machine/join.ts";
import { checkAnchors } from "../../src/machine/join-anchors.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { identity } from "../support/identity.ts";
import { changed, roster } from "../support/roster.ts";

const [founder, issuer, helper, joiner, stranger] = [1, 2, 3, 4, 5].map(identity) as [
  ReturnType<typeof identity>,
  ReturnType<typeof identity>,
  ReturnType<typeof identity>,
  ReturnType<typeof identity>,
  ReturnType<typeof identity>,
];
const before = roster([founder, issuer, helper]);
const log = changed(before, founder, { op: "add", key: joiner.publicKey, nodeId: joiner.nodeId });
const localKey = PublicKey.fromBytes(joiner.publicKey);

function invite(change: Partial<Invite> = {}): Invite {
  const peer = (node_id: number): { node_id: number; hostname: string; endpoints: [] } => ({
    node_id,
    hostname: "",
    endpoints: [],
  });
  return {
    merkle_root: MerkleRoot.zero,
    group_id: "0".repeat(64) as never,
    founder: founder.info,
    roster_head: before.head,
    bootstrap_peers: [peer(helper.nodeId), peer(founder.nodeId), peer(helper.nodeId)],
    issued_at: 0n,
    valid_until: 0n,
    issuer: issuer.info,
    signature: new Uint8Array(64),
    ...change,
  };
}

/** A join driven by hand: `answers` says what each candidate answers when asked. */
class Drive {
  readonly join: Join;
  readonly asked: number[] = [];
  end: JoinEffect | undefined;
  nowMs = 0;
  #wakeUps: number[] = [];

  constructor(given: Invite, deadlineMs: number) {
    this.join = new Join({ invite: given, localKey, deadlineMs: steadyMs(deadlineMs), config });
  }

  run(answer: (candidate: JoinCandidate) => RosterLog | "unreachable" | "refused" | "invalid" | undefined): JoinEffect {
    const events: JoinEvent[] = [{ kind: "start" }];
    while (this.end === undefined) {
      let event = events.shift();
      if (event === undefined) {
        this.#wakeUps.sort((a, b) => a - b);
        this.nowMs = this.#wakeUps.shift() ?? Number.NaN;
        event = { kind: "timer" };
      }
      expect(this.nowMs).not.toBeNaN();
      for (const effect of this.join.handle(event, steadyMs(this.nowMs))) {
        if (effect.kind === "schedule") this.#wakeUps.push(this.nowMs + effect.afterMs);
        if (effect.kind === "joined" || effect.kind === "failed") this.end = effect;
        if (effect.kind !== "ask_roster") continue;
        this.asked.push(effect.to.nodeId);
        const reply = answer(effect.to);
        if (reply instanceof RosterLog) events.push({ kind: "roster", from: effect.to, log: reply });
        else if (reply) events.push({ kind: "no_roster", from: effect.to, why: reply, detail: `${reply}` });
      }
    }
    expect(this.join.handle({ kind: "timer" }, steadyMs(this.nowMs + 1))).toEqual([]);
    return this.end;
  }
}

test("candidates are the bootstrap peers, the founder and the issuer, each once, ourselves never", () => {
  const self = { node_id: joiner.nodeId, hostname: "", endpoints: [] };
  const given = invite({ bootstrap_peers: [self, ...(invite().bootstrap_peers ?? [])], issuer: joiner.info });
  expect(candidatesOf(given, localKey, config).map(({ nodeId }) => nodeId)).toEqual([helper.nodeId, founder.nodeId]);
  expect(candidatesOf(invite({ bootstrap_peers: null }), localKey, config).map(({ nodeId }) => nodeId)).toEqual([
    founder.nodeId,
    issuer.nodeId,
  ]);
});

test("a candidate's key comes from the founder, the issuer or an iroh endpoint", () => {
  const key = PublicKey.fromBytes(helper.publicKey);
  const endpoints = [{ network: "iroh", addr: `${key}@127.0.0.1:4433` }];
  const [first] = candidatesOf(
    invite({ bootstrap_peers: [{ node_id: helper.nodeId, hostname: "", endpoints }] }),
    localKey,
    config,
  );
  expect(first?.key).toBe(key);
});

test("the first anchored roster ends the join", () => {
  const drive = new Drive(invite(), 90_000);
  expect(drive.run((candidate) => (candidate.nodeId === founder.nodeId ? log : "unreachable"))).toMatchObject({
    kind: "joined",
    from: { nodeId: founder.nodeId },
  });
  expect(drive.asked).toEqual([helper.nodeId, founder.nodeId]);
});

test("a candidate that never answers holds up the others for two seconds only", () => {
  const drive = new Drive(invite(), 90_000);
  drive.run((candidate) => (candidate.nodeId === founder.nodeId ? log : undefined));
  expect(drive.nowMs).toBe(2_000);
});

test("while all are away each is asked once a pass, with waits of 0.5, 1, 2, 3, 3 s, until the deadline", () => {
  const drive = new Drive(invite(), 10_000);
  const end = drive.run(() => "unreachable");
  expect(drive.asked).toHaveLength(3 * 6);
  expect(end).toMatchObject({ kind: "failed", code: "unavailable" });
  expect(drive.nowMs).toBe(10_000);
});

test("a roster of another founder excludes its server, and the join fails at once when all are excluded", () => {
  const other = roster([stranger, issuer, helper, joiner]);
  const drive = new Drive(invite(), 90_000);
  const end = drive.run(() => other);
  expect(drive.asked).toHaveLength(3);
  expect(end).toMatchObject({ kind: "failed", code: "roster_rejected" });
  expect((end as { message: string }).message).toContain("founder other than the invite's");
  expect(drive.nowMs).toBe(0);
});

test("one bad candidate is asked once, the others again", () => {
  const drive = new Drive(invite(), 1_000);
  drive.run((candidate) => (candidate.nodeId === helper.nodeId ? "invalid" : "unreachable"));
  expect(drive.asked.filter((nodeId) => nodeId === helper.nodeId)).toHaveLength(1);
  expect(drive.asked.filter((nodeId) => nodeId === founder.nodeId)).toHaveLength(2);
});

test("a roster that does not have us yet is asked for again until it does", () => {
  const drive = new Drive(invite(), 90_000);
  let asks = 0;
  expect(drive.run(() => (++asks > 4 ? log : before)).kind).toBe("joined");
});

test("the deadline names membership when that was what lacked", () => {
  expect(new Drive(invite(), 5_000).run(() => before)).toMatchObject({ kind: "failed", code: "not_member" });
});

test("each broken anchor has its own name", () => {
  const check = (change: Partial<Invite>, given = log, key = localKey): string | undefined =>
    checkAnchors(given, invite(change), key);
  expect(check({})).toBeUndefined();
  expect(check({}, RosterLog.empty)).toBe("empty");
  expect(check({ founder: stranger.info })).toBe("wrong_founder");
  expect(check({ founder: { ...founder.info, pilot_node_id: 7 } })).toBe("wrong_founder");
  expect(check({ founder: { ...founder.info, entmoot_pubkey: null } })).toBe("wrong_founder");
  expect(check({ roster_head: RosterEntryId.fromHex("ab".repeat(32)) })).toBe("head_missing");
  expect(check({ issuer: stranger.info })).toBe("issuer_not_member");
  expect(check({ issuer: { ...issuer.info, entmoot_pubkey: stranger.publicKey } })).toBe("issuer_not_member");
  expect(check({}, before)).toBe("not_member");
});

test("an issuer that left after making the invite still vouches for it; one that had left before does not", () => {
  const left = changed(log, founder, { op: "remove", nodeId: issuer.nodeId, key: issuer.publicKey });
  expect(checkAnchors(left, invite(), localKey)).toBeUndefined();
  expect(checkAnchors(left, invite({ roster_head: left.head }), localKey)).toBe("issuer_not_member");
});
