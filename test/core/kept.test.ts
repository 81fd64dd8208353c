import { expect, test } from "bun:test";
import { MessageId } from "../../src/core/ids.ts";
import {
  factsOf,
  isOutsider,
  type Kept,
  MESSAGE_MAX_BYTES,
  MESSAGE_PARENTS_MAX,
  MESSAGE_REFERENCES_MAX,
  type MessageFacts,
  whetherKept,
} from "../../src/core/kept.ts";
import { POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { PolicyHistory } from "../../src/core/policy/policy-history.ts";
import { POLICY_TOPIC, POLICY_UPDATE_BYTES_MAX } from "../../src/core/policy/policy-update.ts";
import { messageForms } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { identity, type TestIdentity } from "../support/identity.ts";
import { message } from "../support/message.ts";
import { changed, roster } from "../support/roster.ts";

const [founder, alice, bob, carol] = [identity(1), identity(2), identity(3), identity(4)];
const ANY = new PolicyHistory(undefined);

const facts = (said: Message, change: Partial<MessageFacts> = {}) => ({
  ...factsOf(said, messageForms(said)),
  ...change,
});
const verdict = (said: Message, log: RosterLog, policies = ANY) => whetherKept(facts(said), log, policies);
const faultOf = (kept: Kept) => (kept.kept ? "kept" : `${kept.fault} until ${kept.until}`);

/** Under the node id of `as`, signed by `by`, whose key it names. */
const post = (by: TestIdentity, timestamp: bigint, as = by) =>
  message({ by, timestamp, author: { pilot_node_id: as.nodeId, entmoot_pubkey: by.publicKey } });

/** Alice, re-keyed to Bob's key, and gone. */
function rekeyedAndGone(): { readonly log: RosterLog; readonly dates: readonly bigint[] } {
  const add = { op: "add", nodeId: alice.nodeId } as const;
  let log = changed(roster([founder]), founder, { ...add, key: alice.publicKey }, 1_700_000_010_000);
  log = changed(log, founder, { op: "remove", nodeId: alice.nodeId, key: alice.publicKey }, 1_700_000_020_000);
  log = changed(log, founder, { ...add, key: bob.publicKey }, 1_700_000_020_000);
  log = changed(log, founder, { op: "remove", nodeId: alice.nodeId, key: bob.publicKey }, 1_700_000_030_000);
  const changes = log.entries.map(({ timestamp }) => timestamp);
  return { log, dates: changes.flatMap((at) => [at - 5_000n, at, at + 1n, at + 5_000n, -(2n ** 63n), 2n ** 63n - 1n]) };
}

test("what any key of the author's node id signed is kept, whatever its date", () => {
  const { log, dates } = rekeyedAndGone();
  for (const date of dates) {
    for (const by of [alice, bob])
      expect(verdict(post(by, date, alice), log)).toEqual({ kept: true, key: by.publicKey });
  }
});

test("a key speaks only for the node ids it had, and only when it signed", () => {
  const { log } = rekeyedAndGone();
  expect(faultOf(verdict(post(alice, 0n, founder), log))).toBe("signature_invalid until roster");
  expect(faultOf(verdict(post(bob, 0n), log))).toBe("not_member until roster");
  const forged = message({ by: carol, author: { ...alice.info, entmoot_pubkey: bob.publicKey } });
  expect(verdict(forged, log)).toMatchObject({ fault: "signature_invalid", signedBy: undefined });
});

test("what names another key is its author's all the same when one of the author's signed it", () => {
  const { log } = rekeyedAndGone();
  const odd = message({ by: alice, author: { ...alice.info, entmoot_pubkey: carol.publicKey } });
  expect(verdict(odd, log)).toEqual({ kept: true, key: alice.publicKey });
});

test("what the key it names has signed waits for an entry that gives its author this key", () => {
  const log = roster([founder, alice]);
  for (const early of [post(bob, 5n), post(bob, 5n, alice)]) {
    expect(verdict(early, log)).toMatchObject({ kept: false, until: "roster", signedBy: bob.publicKey.toHex() });
  }
  const rekeyed = changed(
    changed(log, founder, { op: "remove", nodeId: alice.nodeId, key: alice.publicKey }),
    founder,
    { op: "add", nodeId: alice.nodeId, key: bob.publicKey },
  );
  expect(verdict(post(bob, 5n, alice), rekeyed).kept).toBe(true);
});

test("a longer roster log keeps all that a shorter one kept", () => {
  const { log, dates } = rekeyedAndGone();
  const said = dates.slice(0, 6).flatMap((date) => [post(alice, date), post(bob, date, alice), post(founder, date)]);
  let before = new Set<MessageId>();
  for (let length = 0; length <= log.entries.length; length++) {
    const part = RosterLog.empty.sync(log.entries.slice(0, length)).log;
    const kept = new Set(said.filter((one) => verdict(one, part).kept).map(({ id }) => id));
    expect(before.difference(kept).size).toBe(0);
    before = kept;
  }
  expect(before.size).toBe(said.length);
});

test("shape is refused for good, whoever signed it", () => {
  const log = roster([founder, alice]);
  const ids = (count: number) =>
    Array.from({ length: count }, (_, i) => MessageId.fromBytes(new Uint8Array(32).fill(i + 1)));
  const said = (fields: Partial<Message>) => faultOf(verdict(message({ by: alice, ...fields }), log));
  expect(said({ content: new Uint8Array(MESSAGE_MAX_BYTES) })).toBe("too_long until never");
  expect(said({ parents: ids(MESSAGE_PARENTS_MAX) })).toBe("kept");
  expect(said({ parents: ids(MESSAGE_PARENTS_MAX + 1) })).toBe("too_many_parents until never");
  expect(said({ references: ids(MESSAGE_REFERENCES_MAX).slice(0, 255) })).toBe("kept");
  expect(said({ references: [...ids(255), ...ids(2)] })).toBe("too_many_references until never");
  const good = message({ by: alice });
  expect(faultOf(verdict({ ...good, content: new Uint8Array(1) }, log))).toBe("bad_id until never");
  expect(faultOf(whetherKept(facts(good, { canonicalBytes: MESSAGE_MAX_BYTES }), log, ANY))).toBe("kept");
});

test("size goes by the policy of the message's own date", () => {
  const log = roster([founder, alice]);
  const policies = new PolicyHistory(POLICY_PRESETS.standard, [
    { from: 100n, policy: POLICY_PRESETS.relaxed },
    { from: 200n, policy: undefined },
    { from: 300n, policy: POLICY_PRESETS.standard },
  ]);
  const said = (bytes: number, timestamp: bigint) =>
    faultOf(verdict(message({ by: alice, timestamp, content: new Uint8Array(bytes) }), log, policies));
  const refused = "too_large until policy";
  for (const date of [-1n, 99n, 300n, 2n ** 63n - 1n]) {
    expect([said(8192, date), said(8193, date)]).toEqual(["kept", refused]);
  }
  for (const date of [100n, 199n]) expect([said(65_536, date), said(65_537, date)]).toEqual(["kept", refused]);
  for (const date of [200n, 299n]) expect(said(700_000, date)).toBe("kept");
});

test("the founder's policy updates have room whatever the policy says; anybody else's topic is like any other", () => {
  const log = roster([founder, alice]);
  const policies = new PolicyHistory({ ...POLICY_PRESETS.standard, max_message_bytes: 10n });
  const said = (by: TestIdentity, bytes: number, policy = policies) =>
    faultOf(verdict(message({ by, topics: [POLICY_TOPIC], content: new Uint8Array(bytes) }), log, policy));
  expect(said(founder, POLICY_UPDATE_BYTES_MAX)).toBe("kept");
  expect(said(founder, POLICY_UPDATE_BYTES_MAX + 1)).toBe("too_large until policy");
  expect([said(alice, 10), said(alice, 11)]).toEqual(["kept", "too_large until policy"]);
  expect([said(alice, 100_000, ANY), said(founder, 100_000, ANY)]).toEqual(["kept", "kept"]);
});

test("who is in no roster entry now is an outsider, whatever was before", () => {
  const { log } = rekeyedAndGone();
  expect([founder, alice, bob, carol].map(({ publicKey }) => isOutsider(publicKey, log))).toEqual([
    false,
    true,
    true,
    true,
  ]);
  const back = changed(log, founder, { op: "add", nodeId: bob.nodeId, key: alice.publicKey });
  expect(isOutsider(alice.publicKey, back)).toBe(false);
});
