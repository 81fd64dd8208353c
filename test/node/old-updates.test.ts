import { expect, test } from "bun:test";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import { buildPolicyUpdate, POLICY_TOPIC } from "../../src/core/policy/policy-update.ts";
import type { Message } from "../../src/core/record/records.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { POLICY_FACT } from "../../src/node/group/group-policy.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { FAST } from "../support/fast-config.ts";
import { identity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { GROUP, message } from "../support/message.ts";
import { startNode, until } from "../support/nodes.ts";
import { roster } from "../support/roster.ts";

const DAY = 86_400_000;
const MEMBERS = [identity(1), identity(2), identity(3)] as const;
/** The third member is away. */
const config = { ...FAST, time: { ...FAST.time, settleMs: 0 } };

/** A disk of a moot that keeps 30 days, with `messages`. */
function disk(...messages: Message[]): MemoryDataRoot {
  const root = new MemoryDataRoot();
  const store = root.createGroup(GROUP);
  store.roster.append(roster(MEMBERS).entries);
  store.setFact(POLICY_FACT, formatPolicy(POLICY_PRESETS.standard));
  store.messages.putMany(messages.map(keptMessage));
  return root;
}

test("an update older than all that members compare reaches who missed it, though nothing else was said since", async () => {
  const now = realClock.unix();
  const content = buildPolicyUpdate({
    group_id: GROUP,
    policy: POLICY_PRESETS.relaxed,
    sequence: 1n,
    updated_at_ms: 1n,
  });
  const update = message({
    by: MEMBERS[0],
    topics: [POLICY_TOPIC],
    timestamp: BigInt(now - 40 * DAY),
    content,
  });
  const fresh = message({ by: MEMBERS[0], timestamp: BigInt(now) });
  const network = new MemoryNetwork(realClock);
  await using knows = await startNode(network, 2, { root: disk(update, fresh), parts: { config } });
  await using missed = await startNode(network, 3, { root: disk(fresh), parts: { config } });
  const policyOf = async (node: typeof knows) => (await node.call(status, {})).groups[0]!.policy;
  await until(async () => (await policyOf(missed)) === "relaxed");
  expect(await policyOf(knows)).toBe("relaxed");
});
