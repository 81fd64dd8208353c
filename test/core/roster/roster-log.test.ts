import { expect, test } from "bun:test";
import fc from "fast-check";
import { unixMs } from "../../../src/core/clock.ts";
import type { RosterEntry } from "../../../src/core/record/records.ts";
import { createGenesis, createRosterEntry } from "../../../src/core/roster/roster-change.ts";
import { signRosterEntry } from "../../../src/core/roster/roster-entry.ts";
import { RosterLog } from "../../../src/core/roster/roster-log.ts";
import { identity } from "../../support/identity.ts";
import { changed, roster } from "../../support/roster.ts";

const [founder, alice, bob, carol] = [identity(1), identity(2), identity(3), identity(4)];

/** The next entry of `log`, signed by its founder, with what `fields` says. */
function entry(log: RosterLog, fields: Partial<RosterEntry> = {}, seed = founder.seed): RosterEntry {
  return signRosterEntry({
    seed,
    op: "add",
    subject: alice.info,
    policy: undefined,
    actor: founder.nodeId,
    timestamp: log.entries.at(-1)!.timestamp + 1n,
    parents: [log.head],
    ...fields,
  });
}

test("an empty log has no head, founder or member and takes only a genesis", () => {
  const empty = RosterLog.empty;
  expect([empty.head, empty.founder, empty.members]).toEqual(["0".repeat(64) as never, undefined, []]);
  const other = roster([founder]);
  expect(empty.apply(entry(other))).toEqual({ ok: false, rejection: "empty_log" });
  expect(other.acceptGenesis(other.entries[0]!)).toEqual({ ok: false, rejection: "non_empty_log" });
});

test("each check refuses alone, and in the order peers make them", () => {
  const log = roster([founder]);
  const good = entry(log);
  const refused = (broken: RosterEntry) => {
    const step = log.apply(broken);
    return step.ok ? "ok" : step.rejection;
  };
  expect(refused(good)).toBe("ok");
  expect(refused(entry(log, { op: "Add", actor: 7 }))).toBe("invalid_op");
  expect(refused({ ...entry(log, { actor: alice.nodeId }), id: log.head })).toBe("not_founder");
  expect(refused({ ...good, id: log.head, signature: new Uint8Array(64) })).toBe("bad_id");
  expect(refused(entry(log, { timestamp: 0n }, alice.seed))).toBe("bad_signature");
  expect(refused(entry(log, { timestamp: log.entries[0]!.timestamp, parents: [] }))).toBe("timestamp_not_greater");
  expect(refused(entry(log, { parents: [log.head, log.head] }))).toBe("bad_parent");
  expect(refused(entry(log, { parents: [] }))).toBe("bad_parent");
});

test("a log never changes: what applies an entry returns another", () => {
  const log = roster([founder, alice]);
  const before = [log.head, log.members, log.entries.length];
  const next = changed(log, founder, { op: "remove", nodeId: alice.nodeId, key: alice.publicKey });
  expect([log.head, log.members, log.entries.length]).toEqual(before);
  expect(next.member(alice.nodeId)).toBeUndefined();
  expect(log.member(alice.nodeId)).toEqual(alice.info);
});

test("members are found by node id and by key, ascending by node id", () => {
  const log = roster([founder, carol, alice, bob]);
  const ids = log.members.map((member) => member.pilot_node_id);
  expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  expect(log.memberByKey(bob.publicKey)).toEqual(bob.info);
  expect(log.memberByKey(identity(9).publicKey)).toBeUndefined();
  const twice = log.apply(entry(log, { subject: { pilot_node_id: 5, entmoot_pubkey: bob.publicKey } }));
  expect(twice.ok && twice.log.memberByKey(bob.publicKey)?.pilot_node_id).toBe(5);
});

test("the founder stays in charge when removed, and by the first key when re-keyed", () => {
  const log = roster([founder]);
  const removed = log.apply(entry(log, { op: "remove", subject: founder.info }));
  if (!removed.ok) throw new Error(removed.rejection);
  expect(removed.log.members).toEqual([]);
  expect(removed.log.founder).toEqual(founder.info);
  expect(removed.log.apply(entry(removed.log)).ok).toBe(true);
  const rekeyed = log.apply(entry(log, { subject: { ...founder.info, entmoot_pubkey: bob.publicKey } }));
  if (!rekeyed.ok) throw new Error(rekeyed.rejection);
  expect(rekeyed.log.apply(entry(rekeyed.log)).ok).toBe(true);
  expect(rekeyed.log.apply(entry(rekeyed.log, {}, bob.seed))).toEqual({ ok: false, rejection: "bad_signature" });
});

/** Founder, alice added, alice re-keyed to bob's key, alice removed, alice back; a step each second. */
function turbulent(): { log: RosterLog; at: (seconds: number) => bigint } {
  const start = 1_700_000_000_000n;
  const at = (seconds: number) => start + BigInt(seconds) * 1000n;
  let log = roster([founder]);
  const steps: Partial<RosterEntry>[] = [
    { op: "add", subject: alice.info },
    { op: "add", subject: { ...alice.info, entmoot_pubkey: bob.publicKey } },
    { op: "remove", subject: { ...alice.info, entmoot_pubkey: null } },
    { op: "remove", subject: alice.info },
    { op: "add", subject: alice.info },
    { op: "add", subject: alice.info },
  ];
  for (const [i, step] of steps.entries()) {
    const next = log.apply(entry(log, { ...step, timestamp: at(i + 1) }));
    if (!next.ok) throw new Error(next.rejection);
    log = next.log;
  }
  return { log, at };
}

test("the history of a node id tells each key and the stretch it held", () => {
  const { log, at } = turbulent();
  const point = (index: number) => ({ index, timestamp: at(index) });
  expect(log.history(alice.nodeId)).toEqual([
    { key: alice.publicKey, from: point(1), until: point(2) },
    { key: bob.publicKey, from: point(2), until: point(3) },
    { key: alice.publicKey, from: point(5), until: undefined },
  ]);
  expect(log.history(12345)).toEqual([]);
});

test("every key a node id ever had is one of its author's, the named and then the current one first", () => {
  const { log } = turbulent();
  const keysOf = (entmoot_pubkey: Uint8Array | null) => log.authorKeys({ ...alice.info, entmoot_pubkey });
  expect(keysOf(alice.publicKey)).toEqual([alice.publicKey, bob.publicKey]);
  expect(keysOf(bob.publicKey)).toEqual([bob.publicKey, alice.publicKey]);
  for (const other of [null, carol.publicKey]) expect(keysOf(other)).toEqual([alice.publicKey, bob.publicKey]);
  expect(log.authorKeys(bob.info)).toEqual([]);
});

test("the keys of an author only become more", () => {
  const { log } = turbulent();
  for (let held = 1; held <= log.entries.length; held++) {
    const [shorter, longer] = [held - 1, held].map((count) => RosterLog.empty.sync(log.entries.slice(0, count)).log);
    expect(longer!.authorKeys(alice.info)).toEqual(expect.arrayContaining([...shorter!.authorKeys(alice.info)]));
  }
});

test("a whole log, its tail and a repetition of it all bring a log to the same state", () => {
  const { log } = turbulent();
  fc.assert(
    fc.property(fc.nat({ max: log.entries.length }), fc.nat({ max: log.entries.length }), (held, from) => {
      const local = RosterLog.empty.sync(log.entries.slice(0, held)).log;
      const outcome = local.sync(log.entries.slice(from));
      expect(outcome.log.entries).toEqual([...local.entries, ...outcome.applied]);
      const reaches = from < log.entries.length && (held === 0 ? from === 0 : from < held);
      if (!reaches) expect(outcome.applied).toEqual([]);
      else expect([outcome.stopped, outcome.log.head, outcome.log.members]).toEqual([undefined, log.head, log.members]);
      expect(outcome.log.sync(log.entries).log.head).toBe(log.head);
    }),
  );
});

test("a response that is empty or on a fork changes nothing", () => {
  const log = roster([founder, alice]);
  const fork = roster([founder, bob]);
  expect(log.sync([])).toEqual({ log, applied: [], stopped: "empty_response" });
  expect(log.sync(fork.entries)).toEqual({ log, applied: [], stopped: "missing_local_head" });
});

test("entries before a rejected one stay", () => {
  const log = roster([founder, alice, bob]);
  const spoiled = [...log.entries.slice(0, 2), { ...log.entries[2]!, signature: new Uint8Array(64) }];
  const outcome = RosterLog.empty.sync(spoiled);
  expect([outcome.stopped, outcome.applied.length, outcome.log.head]).toEqual(["bad_signature", 2, log.entries[1]!.id]);
});

test("a thousand entries are taken in one pass", () => {
  let log = roster([founder]);
  const entries = [...log.entries];
  const nextOf = (head: RosterEntry, i: number) =>
    signRosterEntry({
      seed: founder.seed,
      op: "add",
      subject: { pilot_node_id: i + 1, entmoot_pubkey: new Uint8Array(32).fill(i) },
      policy: undefined,
      actor: founder.nodeId,
      timestamp: head.timestamp + 1n,
      parents: [head.id],
    });
  for (let i = 0; i < 1_000; i++) entries.push(nextOf(entries.at(-1)!, i));
  log = RosterLog.empty.sync(entries).log;
  expect(log.members.length).toBe(1_001);
  expect(log.has(entries[500]!.id)).toBe(true);
});

test("two founders' first entries are two logs", () => {
  const a = createGenesis({ seed: founder.seed, nowMs: unixMs(1) });
  const b = createGenesis({ seed: alice.seed, nowMs: unixMs(1) });
  expect(a.id).not.toBe(b.id);
  expect(RosterLog.empty.acceptGenesis({ ...a, subject: b.subject })).toEqual({
    ok: false,
    rejection: "genesis_actor",
  });
  const log = roster([alice]);
  expect(() =>
    createRosterEntry({ log, seed: founder.seed, nowMs: unixMs(2), change: { op: "policy_change", policy: "{}" } }),
  ).toThrow("only the group's founder");
});

test("a key of another history counts from when the founder gave it, and the first date of a node id is its admission", () => {
  const log = roster([founder, alice]);
  const withBob = changed(log, founder, { op: "add", key: bob.publicKey }, 1_700_000_009_000);
  const withoutAlice = changed(withBob, founder, { op: "remove", nodeId: alice.nodeId, key: alice.publicKey });
  const elsewhere = changed(withoutAlice, founder, { op: "add", key: carol.publicKey, nodeId: alice.nodeId });
  const both = log.withFormer(elsewhere.entries.slice(log.entries.length));
  expect([bob, alice, carol].map(({ nodeId }) => both.admittedAt(nodeId))).toEqual([
    1_700_000_009_000n,
    1_700_000_000_001n,
    undefined,
  ]);
  expect(both.authorKeys(bob.info)).toEqual([bob.publicKey]);
  expect(both.members).toEqual(log.members);
  // Given again it is the same, whether that is known before or after the other history.
  const again = changed(both, founder, { op: "add", key: bob.publicKey }, 1_700_000_090_000);
  const later = RosterLog.ofVerified(again.entries).withFormer(elsewhere.entries);
  for (const one of [again, later]) expect(one.admittedAt(bob.nodeId)).toBe(1_700_000_009_000n);
});
