import { expect, test } from "bun:test";
import { identityOf } from "../../../src/core/identity.ts";
import { MessageId, PublicKey } from "../../../src/core/ids.ts";
import { messageCanonical } from "../../../src/core/record/message.ts";
import { MACHINE_DEFAULTS } from "../../../src/machine/machine-config.ts";
import { priceOf, signaturesMs } from "../../../src/node/carrier/prices.ts";
import { Group } from "../../../src/node/group/group.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import type { Frame } from "../../../src/wire/peer/frame.ts";
import { groupParts } from "../../support/group-parts.ts";
import { identity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP as group_id, message } from "../../support/message.ts";
import { ALICE, FOUNDER, nodeWithRawMember } from "../../support/raw-member.ts";
import { roster } from "../../support/roster.ts";

/** A group with so many members, and what a frame about it costs. */
function pricesIn(members: number) {
  const store = new MemoryGroupStore(group_id);
  const others = Array.from({ length: members - 2 }, (_, n) => identity(1_000 + n));
  store.roster.append(roster([FOUNDER, ALICE, ...others]).entries);
  const local = PublicKey.fromBytes(identityOf(FOUNDER.seed).publicKey);
  const group = new Group(groupParts({ store, local, clock: new ManualClock() }));
  return (frame: Frame) => priceOf(frame, group).workMs;
}

const ids = (count: number) => Array.from({ length: count }, (_, n) => MessageId.fromBytes(new Uint8Array(32).fill(n)));

test("what is announced is paid for by how much is named", () => {
  const price = pricesIn(2);
  const gossip = (count: number): Frame => {
    return { kind: "gossip", group_id, ids: ids(count), timestamp: 1n, body: undefined, signature: new Uint8Array(64) };
  };
  const [few, many] = [price(gossip(1)), price(gossip(1_001))];
  expect(many - few).toBeGreaterThanOrEqual(1);
  const ihave = (count: number): Frame => ({ kind: "ihave", group_id, ids: ids(count) });
  expect(price(ihave(1_001)) - price(ihave(1))).toBeGreaterThanOrEqual(1);
});

test("what is pushed is paid for by the signature and the bytes of each body, and by the commit", () => {
  const price = pricesIn(2);
  const push = (...sizes: number[]): Frame => {
    const bodies = sizes.map((size) => messageCanonical(message({ by: ALICE, content: new Uint8Array(size) })));
    return { kind: "push", group_id, bodies };
  };
  const one = price(push(1));
  expect(one).toBeGreaterThan(2 * signaturesMs(1));
  expect(price(push(1, 1)) - one).toBeGreaterThan(signaturesMs(1));
  expect(price(push(100_000))).toBeGreaterThan(one + 2);
});

test("who is where is paid for by how many are looked up, known or not", () => {
  const question: Frame = { kind: "peer_hints_req", group_id };
  expect(pricesIn(1_000)(question)).toBeGreaterThan(3);
});

test("a member pays for a link that it shows as for any question", async () => {
  const work = { ...MACHINE_DEFAULTS.work, burstMs: 0.001, sureBurstMs: 0, waitMaxMs: 0 };
  const clock = new ManualClock(Date.now());
  await using it = await nodeWithRawMember({ clock, parts: { config: { ...MACHINE_DEFAULTS, work } } });
  const token = new Uint8Array(16);
  const frame: Frame = { kind: "redeem_req", group_id: it.group_id, token, hostname: "" };
  // With the frame its one payment is made.
  await expect(it.alice.say(frame)).resolves.toMatchObject([{ kind: "refused", code: "rate_limited" }]);
});
