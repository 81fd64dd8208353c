import { expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import type { MessageId } from "../../src/core/ids.ts";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { buildPolicyUpdate, POLICY_TOPIC } from "../../src/core/policy/policy-update.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { message as messageOperation, publish } from "../../src/node/operations/messages.ts";
import { policy, policy_change, policy_explain } from "../../src/node/operations/policy.ts";
import { message } from "../support/message.ts";
import { until } from "../support/nodes.ts";
import { ALICE, nodeWithRawMember } from "../support/raw-member.ts";

const TIGHT = { ...POLICY_PRESETS.standard, max_message_bytes: 180n };

/** A founder's node with a policy, and what it says of messages that a member brings. */
async function world() {
  const { alice, group_id, node } = await nodeWithRawMember({ policy: POLICY_PRESETS.standard });
  const push = (...said: Message[]) => alice.say({ kind: "push", group_id, bodies: said.map(messageCanonical) });
  const said = (bytes: number, aheadMs = 0) =>
    message({
      by: ALICE,
      group_id,
      timestamp: BigInt(realClock.unix() + aheadMs),
      content: new Uint8Array(bytes).fill(97),
    });
  const explain = (message_id: MessageId) => node.call(policy_explain, { message_id });
  return { alice, explain, group_id, node, push, said };
}

test("of a member's message it is said which rule refused it, made it wait, or made it leave", async () => {
  const { explain, group_id, node, push, said } = await world();
  await using _ending = node;
  const long = said(9_000);
  await push(long);
  expect(await explain(long.id)).toMatchObject({ state: "refused", refused_by: "max_message_bytes", retry: "policy" });

  // Dated somewhat later than the policy to come, and here before it.
  const held = said(200, 60_000);
  await push(held);
  expect(await explain(held.id)).toMatchObject({ state: "held", retry: "now", removed_at_ms: expect.any(BigInt) });
  await node.call(policy_change, { group_id, policy: formatPolicy(TIGHT) });
  await until(async () => (await explain(held.id)).state === "refused");
  expect(await explain(held.id)).toMatchObject({ refused_by: "max_message_bytes", retry: "policy" });
  // Another policy makes what was refused worth a new look.
  await expect(explain(long.id)).rejects.toMatchObject({ code: "not_found" });

  const many = Array.from({ length: 20 }, (_, n) => said(1, n));
  await push(...many);
  const states = await Promise.all(many.map(({ id }) => explain(id)));
  const waits = states.filter(({ state }) => state === "waits");
  expect(waits.length).toBeGreaterThan(3);
  for (const { refused_by, retry, retry_at_ms } of waits) {
    expect({ refused_by, retry }).toEqual({ refused_by: "author_rate", retry: "at" });
    expect(Number(retry_at_ms)).toBeGreaterThan(realClock.unix());
  }
});

test("an update that could never count is refused where it is published, and one by somebody else changes nothing", async () => {
  const { group_id, node, push } = await world();
  await using _ending = node;
  const { sequence } = await node.call(policy_change, { group_id, policy: formatPolicy(TIGHT) });
  const update = (of: bigint) =>
    buildPolicyUpdate({ group_id, policy: undefined, updated_at_ms: BigInt(realClock.unix()), sequence: of });
  const say = (content: Uint8Array) => node.call(publish, { group_id, topics: [POLICY_TOPIC], content });
  await expect(say(update(sequence! - 1n))).rejects.toMatchObject({ code: "conflict" });
  // What is no update is a message like any other.
  await say(encodeUtf8("no update"));
  const foreign = message({
    by: ALICE,
    group_id,
    timestamp: BigInt(realClock.unix()),
    topics: [POLICY_TOPIC],
    content: update(sequence! + 1n),
  });
  await push(foreign);
  await until(async () => {
    const found = node.call(messageOperation, { message_id: foreign.id }).catch(() => undefined);
    return (await found) !== undefined;
  });
  expect(await node.call(policy, { group_id })).toMatchObject({ name: "custom", sequence });
  await say(update(sequence! + 1n));
  expect(await node.call(policy, { group_id })).toMatchObject({ name: "none", sequence: sequence! + 1n });
});
