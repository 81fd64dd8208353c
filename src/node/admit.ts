import { bootstrapNodeIds } from "../core/admission/invite.ts";
import { EntmootError } from "../core/errors.ts";
import { type GroupId, PublicKey } from "../core/ids.ts";
import { entmootNodeId } from "../core/node-id.ts";
import { keyOf } from "../core/record/node-key.ts";
import type { NodeInfo } from "../core/record/records.ts";
import { addMember, changeRoster } from "./change-roster.ts";
import type { Group } from "./group/group.ts";
import { signInvite } from "./mint-invite.ts";
import type { NodeContext } from "./node-context.ts";
import type { Admitted, Expulsion, member_admit, RosterState } from "./operations/moots.ts";
import type { RequestOf } from "./operations/operation.ts";

/** Adds the target unless it is a member already, then signs an invite for it. */
export function admit(context: NodeContext, request: RequestOf<typeof member_admit>): Admitted {
  const { group_id: groupId, peers, target } = request;
  const untilMs = validUntilMs(context, request);
  const key = requireTarget(target);
  const group = requireAuthority(context, groupId, "invite_create");
  const nodeId = admittedAs(context, group, { key, nodeId: target.pilot_node_id });
  const issuer = group.requireSelf();
  const chosen = bootstrapNodeIds({
    asked: peers,
    founder: issuer.pilot_node_id,
    members: group.roster.log.members.map(({ pilot_node_id }) => pilot_node_id),
    without: nodeId,
  });
  const invite = signInvite(context, group, { issuer, peers: chosen, untilMs, bareSelf: true });
  return { ...stateOf(group), invite };
}

/**
 * The node id by which the target is on the roster, added unless it is. One that asks for the id of its key, which another
 * key has taken, is called as any joiner would be.
 */
function admittedAs(
  context: NodeContext,
  group: Group,
  { key, nodeId }: { readonly key: PublicKey; readonly nodeId: number },
): number {
  const member = group.roster.log.member(nodeId);
  if (member !== undefined && keyOf(member) === key) return nodeId;
  const asksForOwn = nodeId === entmootNodeId(PublicKey.toBytes(key));
  if (asksForOwn) {
    return (group.roster.members.get(key) ?? addMember(context, group, key, undefined)).pilot_node_id;
  }
  if (member !== undefined) {
    throw new EntmootError("conflict", "target node already exists with a different Entmoot pubkey");
  }
  return addMember(context, group, key, nodeId).pilot_node_id;
}

/** Removes a member named by id and key. */
export function expel(context: NodeContext, { group_id: groupId, target }: Expulsion): RosterState {
  const key = requireTarget(target);
  const group = requireAuthority(context, groupId, "member_remove");
  const member = group.roster.log.member(target.pilot_node_id);
  if (target.pilot_node_id === group.roster.log.founder?.pilot_node_id) {
    throw new EntmootError("invalid_argument", "cannot remove group founder");
  }
  if (member === undefined) throw new EntmootError("not_member", "target is not a member");
  if (keyOf(member) !== key) {
    throw new EntmootError("conflict", "target identity does not match current roster");
  }
  changeRoster(context, {
    group_id: groupId,
    op: "remove",
    node_id: target.pilot_node_id,
    entmoot_pubkey: key,
  });
  return stateOf(group);
}

/** Whether this node may admit to the group. */
export function inviteAuthority(context: NodeContext, groupId: GroupId): RosterState {
  return stateOf(requireAuthority(context, groupId, "invite_create"));
}

function validUntilMs(
  context: NodeContext,
  { valid_for_ms, valid_until_ms }: Pick<RequestOf<typeof member_admit>, "valid_for_ms" | "valid_until_ms">,
): bigint {
  if ((valid_for_ms === undefined) === (valid_until_ms === undefined)) {
    throw new EntmootError("invalid_argument", "exactly one of valid_for_ms and valid_until_ms is required");
  }
  return valid_until_ms ?? BigInt(context.clock.unix() + valid_for_ms!);
}

function requireTarget(target: NodeInfo): PublicKey {
  if (target.pilot_node_id === 0) throw new EntmootError("invalid_argument", "target pilot_node_id is required");
  const key = keyOf(target);
  if (key !== undefined) return key;
  const length = target.entmoot_pubkey?.length ?? 0;
  throw new EntmootError("invalid_argument", `target entmoot_pubkey: expected 32 bytes, got ${length}`);
}

function requireAuthority(context: NodeContext, groupId: GroupId, what: string): Group {
  const group = context.requireGroup(groupId);
  if (group.isFounder) return group;
  throw new EntmootError("not_member", `${what} requires the local founder identity`);
}

function stateOf(group: Group): RosterState {
  return { group_id: group.id, roster_head: group.roster.head, members: group.roster.log.members.length };
}
