import { expect, test } from "bun:test";
import { PublicKey } from "../../../src/core/ids.ts";
import { POLICY_PRESETS, type Policy } from "../../../src/core/policy/policy.ts";
import { buildPolicyUpdate, POLICY_TOPIC } from "../../../src/core/policy/policy-update.ts";
import { messageCanonical } from "../../../src/core/record/message.ts";
import type { Message } from "../../../src/core/record/records.ts";
import { Group } from "../../../src/node/group/group.ts";
import type { GroupStore } from "../../../src/store/group-store.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { type Fuse, fragileStore } from "../../support/fragile-store.ts";
import { groupParts } from "../../support/group-parts.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP, message } from "../../support/message.ts";
import { until } from "../../support/nodes.ts";
import { roster } from "../../support/roster.ts";

const [FOUNDER, ALICE] = [identity(1), identity(2)] as const;
const alice = PublicKey.fromBytes(ALICE.publicKey);
const NOW = 1_750_000_000_000;

const update = (max_message_bytes: bigint, sequence: bigint, timestamp: number): Message => {
  const policy: Policy = { ...POLICY_PRESETS.relaxed, max_message_bytes };
  const content = buildPolicyUpdate({ group_id: GROUP, policy, sequence, updated_at_ms: 1n });
  return message({ by: FOUNDER, topics: [POLICY_TOPIC], timestamp: BigInt(timestamp), content });
};

/** A member's copy of a group of two, as a start of its daemon finds it. */
function groupOf(store: GroupStore): Group {
  if (store.roster.entries().length === 0) store.roster.append(roster([FOUNDER, ALICE]).entries);
  const parts = groupParts({ store, local: alice, clock: new ManualClock(NOW) });
  const group = new Group({ ...parts, carryOut: { run: () => {} } });
  group.start();
  return group;
}

const take = (group: Group, ...all: Message[]) => group.ingest(all.map(messageCanonical), { from: alice, via: "pull" });

test("what an update makes too large goes, though the process died as soon as the update was stored", async () => {
  const store = new MemoryGroupStore(GROUP);
  const large = message({ by: ALICE, timestamp: BigInt(NOW - 1000), content: new Uint8Array(5000) });
  const before = groupOf(store);
  await take(before, update(60_000n, 1n, NOW - 9000), large);
  await until(() => !before.policy.isPassDue);
  await before.close();

  const fuse: Fuse = { left: Number.POSITIVE_INFINITY, isWritten: true, isBurnt: false };
  const dying = groupOf(fragileStore(store, fuse));
  // What a start brings about is over.
  await new Promise((resolve) => setImmediate(resolve));
  fuse.left = 0;
  const latest = update(1000n, 2n, NOW - 8000);
  await expect(take(dying, latest)).rejects.toMatchObject({ code: "unavailable" });
  expect([store.messages.has(latest.id), store.messages.has(large.id)]).toEqual([true, true]);

  const after = groupOf(store);
  await until(() => !after.policy.isPassDue);
  expect(store.messages.has(large.id)).toBe(false);
  await after.close();
  expect(groupOf(store).policy.isPassDue).toBe(false);
});

test("who begins at a day is told the update that counts then, whatever else is on its topic", () => {
  const store = new MemoryGroupStore(GROUP);
  const counting = update(1000n, 50n, NOW - 9000);
  const others = Array.from({ length: 12 }, (_, n) => update(2000n, BigInt(n + 1), NOW - 8000 + n));
  const noise = Array.from({ length: 1100 }, (_, n) =>
    message({ by: ALICE, topics: [POLICY_TOPIC], timestamp: BigInt(NOW - 5000 + n), content: new Uint8Array(1) }),
  );
  const junk = message({ by: FOUNDER, topics: [POLICY_TOPIC], timestamp: BigInt(NOW - 3000) });
  store.messages.putMany([counting, ...others, ...noise, junk].map(keptMessage));
  const offered = groupOf(store).policyUpdatesBefore(BigInt(NOW));
  expect(offered.map(({ id }) => id)).toEqual([counting, ...others.slice(-7)].map(({ id }) => id));
});
