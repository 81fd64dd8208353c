import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { formatPolicy, type Policy, parsePolicy, policyName, policySummary } from "../core/policy/policy.ts";
import { buildPolicyUpdate, POLICY_TOPIC } from "../core/policy/policy-update.ts";
import { requireFounder } from "./change-roster.ts";
import type { Group } from "./group/group.ts";
import type { NodeContext } from "./node-context.ts";
import type { RequestOf } from "./operations/operation.ts";
import type { MootPolicy, PolicyChanged, policy_change } from "./operations/policy.ts";
import type { Publisher } from "./publish.ts";

export interface PolicyServices extends NodeContext {
  readonly publisher: Publisher;
}

/** What a moot allows now. */
export function tellPolicy(node: NodeContext, { group_id }: { readonly group_id: GroupId }): MootPolicy {
  return policyState(node.requireGroup(group_id));
}

/** Changes of one moot go one after the other, so that each has a sequence of its own. */
const underWay = new WeakMap<Group, Promise<unknown>>();

/** Signs an update for all members, durable when it resolves; says nothing new where that is in force already. */
export async function changePolicy(
  node: PolicyServices,
  request: RequestOf<typeof policy_change>,
): Promise<PolicyChanged> {
  const { clear = false, group_id } = request;
  if (clear === (request.policy !== undefined)) {
    throw new EntmootError("invalid_argument", "policy change: expected exactly one of policy and clear");
  }
  const policy = request.policy === undefined ? undefined : parsePolicy(request.policy);
  const group = node.requireGroup(group_id);
  requireFounder(group);
  const before = underWay.get(group) ?? Promise.resolve();
  const changed = before.then(() => publishUpdate(node, group, policy));
  underWay.set(
    group,
    changed.catch(() => {}),
  );
  return changed;
}

async function publishUpdate(
  { clock, publisher }: PolicyServices,
  group: Group,
  policy: Policy | undefined,
): Promise<PolicyChanged> {
  const { inForce, lastSequence } = group.policy;
  if (inForce?.sequence === lastSequence && textOf(inForce.policy) === textOf(policy)) {
    return { ...policyState(group), published: false };
  }
  const now = BigInt(clock.unix());
  const sequence = lastSequence >= now ? lastSequence + 1n : now;
  const content = buildPolicyUpdate({ group_id: group.id, policy, updated_at_ms: now, sequence });
  await publisher.publish({ group_id: group.id, topics: [POLICY_TOPIC], content }, "owner");
  return { ...policyState(group), published: true };
}

function policyState(group: Group): MootPolicy {
  const { current, inForce } = group.policy;
  return {
    group_id: group.id,
    name: policyName(current),
    policy: textOf(current),
    summary: current === undefined ? undefined : policySummary(current),
    source: inForce === undefined ? "founding" : "update",
    sequence: inForce?.sequence,
    message_id: inForce?.id,
    since_ms: inForce?.from,
    founder: group.isFounder,
  };
}

function textOf(policy: Policy | undefined): string | undefined {
  return policy === undefined ? undefined : formatPolicy(policy);
}
