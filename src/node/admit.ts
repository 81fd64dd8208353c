import { bootstrapNodeIds } from "../core/admission/invite.ts";
import { EntmootError } from "../core/errors.ts";
import type { GroupId, PublicKey } from "../core/ids.ts";
import { keyOf } from "../core/record/node-key.ts";
import type { NodeInfo } from "../core/record/records.ts";
import { addMember, changeRoster } from "./change-roster.ts";
import type { Admit, Admitted, RosterState } from "./daemon-operations.ts";
import type { Group } from "./group/group.ts";
import { signInvite } from "./mint-invite.ts";
import type { NodeContext } from "./node-context.ts";

/** Adds the target unless it is a member already, then signs an invite for it. */
export function admit(context: NodeContext, { groupId, peers, target, validity }: Admit): Admitted {
  const key = requireTarget(target);
  const group = requireAuthority(context, groupId, "invite_create");
  const member = group.roster.log.member(target.pilot_node_id);
  if (member !== undefined && keyOf(member) !== key) {
    throw new EntmootError("conflict", "target node already exists with a different Entmoot pubkey");
  }
  if (member === undefined) addMember(context, group, key, target.pilot_node_id);
  const issuer = group.requireSelf();
  const chosen = bootstrapNodeIds({
    asked: peers,
    founder: issuer.pilot_node_id,
    members: group.roster.log.members.map(({ pilot_node_id }) => pilot_node_id),
    without: target.pilot_node_id,
  });
  const untilMs = "untilMs" in validity ? validity.untilMs : BigInt(context.clock.unix() + validity.forMs);
  const invite = signInvite(context, group, { issuer, peers: chosen, untilMs, bareSelf: true });
  return { ...stateOf(group), invite };
}

/** Removes a member named by id and key. */
export function expel(
  context: NodeContext,
  { groupId, target }: { readonly groupId: GroupId; readonly target: NodeInfo },
): RosterState {
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
  changeRoster(context, { groupId, op: "remove", nodeId: target.pilot_node_id, key });
  return stateOf(group);
}

/** Whether this node may admit to the group. */
export function inviteAuthority(context: NodeContext, groupId: GroupId): RosterState {
  return stateOf(requireAuthority(context, groupId, "invite_create"));
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
