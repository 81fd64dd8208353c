import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { entmootNodeId } from "../../../src/core/node-id.ts";
import { createGenesis, createRosterEntry, type RosterChange } from "../../../src/core/roster/roster-change.ts";
import { signRosterEntry } from "../../../src/core/roster/roster-entry.ts";
import { RosterLog } from "../../../src/core/roster/roster-log.ts";
import { identity } from "../../support/identity.ts";
import { changed, roster } from "../../support/roster.ts";

const [founder, alice, bob] = [identity(1), identity(2), identity(3)];
const make = (log: RosterLog, change: RosterChange, nowMs = 0) =>
  createRosterEntry({ log, seed: founder.seed, nowMs: unixMs(nowMs), change });

test("a genesis is taken by an empty log and gives its founder the id of the key, or the one asked for", () => {
  for (const nodeId of [undefined, 100, 0xffffffff]) {
    const genesis = createGenesis({
      seed: founder.seed,
      nowMs: unixMs(5),
      ...(nodeId === undefined ? {} : { nodeId }),
    });
    const step = RosterLog.empty.acceptGenesis(genesis);
    expect(step.ok && step.log.founder).toEqual({
      pilot_node_id: nodeId ?? entmootNodeId(founder.publicKey),
      entmoot_pubkey: founder.publicKey,
    });
  }
});

test("node ids of keys have the top bit set and are unsigned", () => {
  for (let n = 1; n < 50; n++) expect(entmootNodeId(identity(n).publicKey)).toBeGreaterThanOrEqual(2 ** 31);
  // SHA-256("entmoot.node_id.v1\0" || key), first four bytes, shifted right by one.
  const digest = new Bun.CryptoHasher("sha256").update("entmoot.node_id.v1\0").update(alice.publicKey).digest();
  expect(entmootNodeId(alice.publicKey)).toBe(2 ** 31 + Math.floor(digest.readUInt32BE(0) / 2));
});

test("an entry is later than the one before, whatever the clock says", () => {
  const log = roster([founder]);
  const head = log.entries[0]!.timestamp;
  const add = (nowMs: number) => make(log, { op: "add", key: alice.publicKey }, nowMs).timestamp;
  expect(add(0)).toBe(head + 1n);
  expect(add(Number(head))).toBe(head + 1n);
  expect(add(Number(head) + 5_000)).toBe(head + 5_000n);
});

test("a log that ends at the latest timestamp there is takes no more", () => {
  const log = roster([founder]);
  const last = signRosterEntry({
    ...make(log, { op: "add", key: alice.publicKey }),
    timestamp: 2n ** 63n - 1n,
    seed: founder.seed,
  });
  const step = log.apply(last);
  if (!step.ok) throw new Error(step.rejection);
  expect(() => make(step.log, { op: "add", key: bob.publicKey })).toThrow("latest timestamp");
});

test("an id or a key that is already a member's is a conflict", () => {
  const log = roster([founder, alice]);
  expect(() => make(log, { op: "add", key: alice.publicKey })).toThrow("already a member with this key");
  expect(() => make(log, { op: "add", key: bob.publicKey, nodeId: alice.nodeId })).toThrow("with another key");
  expect(() => make(log, { op: "add", key: alice.publicKey, nodeId: 7 })).toThrow(`as node ${alice.nodeId}`);
});

test("node id 0 and keys of another length are refused", () => {
  const log = roster([founder]);
  for (const nodeId of [0, -1, 1.5, 2 ** 32]) {
    expect(() => make(log, { op: "add", key: alice.publicKey, nodeId })).toThrow("node id");
  }
  expect(() => make(log, { op: "add", key: alice.publicKey.subarray(1) })).toThrow("expected 32 bytes");
});

test("only a member with that key can be removed, and never the founder", () => {
  const log = roster([founder, alice]);
  const remove = (nodeId: number, key: Uint8Array) => make(log, { op: "remove", nodeId, key });
  expect(() => remove(founder.nodeId, founder.publicKey)).toThrow("founder cannot be removed");
  expect(() => remove(bob.nodeId, bob.publicKey)).toThrow("is not a member");
  expect(() => remove(alice.nodeId, bob.publicKey)).toThrow("with another key");
  const gone = changed(log, founder, { op: "remove", nodeId: alice.nodeId, key: alice.publicKey });
  expect(changed(gone, founder, { op: "add", key: alice.publicKey }).members.length).toBe(2);
});

test("a policy change keeps the members and names nobody", () => {
  const log = roster([founder, alice]);
  const next = changed(log, founder, { op: "policy_change", policy: '{"b":1.0,"a":2}' });
  expect(next.members).toEqual(log.members);
  expect(next.entries.at(-1)!.subject).toEqual({ pilot_node_id: 0, entmoot_pubkey: null });
  expect(() => make(log, { op: "policy_change", policy: "{" })).toThrow("json");
});
