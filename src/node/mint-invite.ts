import { invitedEndpoint } from "../core/admission/address-hint.ts";
import { bareBootstrapPeer, bootstrapNodeIds, createInvite } from "../core/admission/invite.ts";
import { EntmootError } from "../core/errors.ts";
import { keyOf } from "../core/record/node-key.ts";
import type { BootstrapPeer, Invite, NodeEndpoint, NodeInfo } from "../core/record/records.ts";
import type { Group } from "./group/group.ts";
import type { NodeContext } from "./node-context.ts";
import type { invite_mint } from "./operations/invites.ts";
import type { RequestOf } from "./operations/operation.ts";

/** Ours. Addresses of our carriers in one invite. */
const ENDPOINTS_MAX = 4;

/** Signs an invite as this node. Adds nobody. Throws `group_not_found`, `not_member`, `invalid_argument`. */
export function mintInvite(context: NodeContext, request: RequestOf<typeof invite_mint>): Invite {
  if (!(request.valid_for_ms > 0))
    throw new EntmootError("invalid_argument", `valid_for_ms: expected a positive number, got ${request.valid_for_ms}`);
  const group = context.requireGroup(request.group_id);
  const issuer = group.requireSelf();
  const peers = bootstrapNodeIds({
    asked: request.peers,
    founder: founderOf(group).pilot_node_id,
    members: group.roster.log.members.map(({ pilot_node_id }) => pilot_node_id),
    without: issuer.pilot_node_id,
  });
  const untilMs = BigInt(context.clock.unix() + request.valid_for_ms);
  return signInvite(context, group, { issuer, peers: [issuer.pilot_node_id, ...peers], untilMs, bareSelf: false });
}

export interface InviteChoice {
  readonly issuer: NodeInfo;
  /** Node ids, nearest first. */
  readonly peers: readonly number[];
  /** Unix milliseconds. */
  readonly untilMs: bigint;
  /** Name the issuer even when it has no address to give. */
  readonly bareSelf: boolean;
}

/**
 * The invite, with addresses where our carriers know them, four at most: the issuer's first, for it certainly
 * knows the newcomer. Peers of the original skip a network they do not know.
 */
export function signInvite(context: NodeContext, group: Group, choice: InviteChoice): Invite {
  let room = ENDPOINTS_MAX;
  const bootstrap_peers: BootstrapPeer[] = [];
  for (const nodeId of new Set(choice.peers)) {
    const endpoints = endpointsOf(context, group, nodeId).slice(
      0,
      bootstrap_peers.length === 0 ? ENDPOINTS_MAX - 1 : room,
    );
    const isSelf = nodeId === choice.issuer.pilot_node_id;
    if (isSelf && endpoints.length === 0 && !choice.bareSelf) continue;
    room -= endpoints.length;
    bootstrap_peers.push({ ...bareBootstrapPeer(nodeId), endpoints });
  }
  return createInvite(
    {
      merkle_root: group.store.messages.merkleRoot(),
      group_id: group.id,
      founder: founderOf(group),
      roster_head: group.roster.head,
      bootstrap_peers,
      issued_at: BigInt(context.clock.unix()),
      valid_until: choice.untilMs,
      issuer: choice.issuer,
    },
    context.identity.seed,
  );
}

function endpointsOf(context: NodeContext, group: Group, nodeId: number): NodeEndpoint[] {
  const member = group.roster.log.member(nodeId);
  const key = member && keyOf(member);
  if (key === undefined) return [];
  const hints = key === context.local ? context.hints.own() : context.hints.of(key);
  return hints.flatMap((hint) => invitedEndpoint(key, hint) ?? []);
}

function founderOf(group: Group): NodeInfo {
  const { founder } = group.roster.log;
  if (founder !== undefined) return founder;
  throw new EntmootError("group_not_found", "group has no founder (empty roster)");
}
