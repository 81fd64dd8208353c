import { INVITE_TTL_MS } from "../core/admission/invite.ts";
import { deadReason, type RedeemableStatus } from "../core/admission/redemption.ts";
import type { GroupId, PublicKey } from "../core/ids.ts";
import type { Invite } from "../core/record/records.ts";
import type { IssuedLink } from "../store/node-store.ts";
import { addMember, requireFounder } from "./change-roster.ts";
import type { Group } from "./group/group.ts";
import { signInvite } from "./mint-invite.ts";
import type { NodeContext } from "./node-context.ts";

/** Why somebody who has a token is not let in by it. */
export type NotAdmitted = Exclude<RedeemableStatus, "active"> | "not_found" | "removed";

/** The link or open invite with this token and the group it is for, or why it lets in nobody, whoever asks. */
export function liveLink(
  context: NodeContext,
  tokenHash: string,
  groupId?: GroupId,
): { readonly link: IssuedLink; readonly group: Group } | NotAdmitted {
  const link = context.root.node.links.get(tokenHash);
  const group = link && context.group(link.group_id);
  // One answer for a wrong group and a wrong token: a guesser learns nothing.
  if (link === undefined || group === undefined || (groupId !== undefined && groupId !== link.group_id)) {
    return "not_found";
  }
  return deadReason(link, context.clock.unix()) ?? { link, group };
}

/**
 * Puts a key that proved itself on the roster, for one use of a link; a member takes none. Gives why not, or `undefined` once it
 * is a member. Throws as `addMember`.
 */
export function admitRedeemer(
  context: NodeContext,
  group: Group,
  { key, tokenHash }: { readonly key: PublicKey; readonly tokenHash: string },
): NotAdmitted | undefined {
  if (group.roster.members.has(key)) return undefined;
  requireFounder(group);
  const { links } = context.root.node;
  // Known to the log and no member: somebody removed it, and a link does not undo that.
  if (group.roster.knowsAuthor(key)) return "removed";
  const outcome = links.redeem({ tokenHash, key, nowMs: context.clock.unix() });
  if (outcome.kind === "refused") return outcome.reason;
  try {
    addMember(context, group, key, undefined);
  } catch (error) {
    if (!outcome.repeated) links.release(tokenHash, key);
    throw error;
  }
  return undefined;
}

/** A fresh invite for a member who came by a link. */
export function inviteForRedeemer(context: NodeContext, group: Group, key: PublicKey): Invite {
  const issuer = group.requireSelf();
  const peers = [
    issuer.pilot_node_id,
    ...group.roster.log.members.map(({ pilot_node_id }) => pilot_node_id).slice(0, 5),
  ];
  const newcomer = group.roster.members.get(key)?.pilot_node_id;
  return signInvite(context, group, {
    issuer,
    peers: peers.filter((id) => id !== newcomer || id === issuer.pilot_node_id),
    untilMs: BigInt(context.clock.unix() + INVITE_TTL_MS),
    bareSelf: true,
  });
}
