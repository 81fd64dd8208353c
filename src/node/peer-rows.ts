import { keyOf, shownKey } from "../core/record/node-key.ts";
import type { NodeInfo } from "../core/record/records.ts";
import type { Group } from "./group/group.ts";
import { leavesOf } from "./group/leaves.ts";
import { profileName } from "./group/profiles.ts";
import type { NodeContext } from "./node-context.ts";
import { presenceRow } from "./notes/kept-receipts.ts";
import { fittingRows } from "./operations/fitting-rows.ts";
import { PEERS_ROOM, type PeerRow, type peers } from "./operations/moots.ts";
import type { AnswerOf } from "./operations/operation.ts";

/** The members of a group as this node sees them now, ascending by node id. */
export function listPeers(context: NodeContext, group: Group): AnswerOf<typeof peers> {
  const { more, rows } = fittingRows(peerRows(context, group), PEERS_ROOM);
  return { peers: rows, more };
}

function* peerRows(context: NodeContext, group: Group): Generator<PeerRow> {
  const leaves = leavesOf(group);
  for (const member of group.roster.log.members) {
    const key = keyOf(member);
    yield { ...peerRow(context, group, member), left_ms: (key === undefined ? undefined : leaves.get(key)) ?? 0 };
  }
}

function peerRow(context: NodeContext, group: Group, member: NodeInfo): Omit<PeerRow, "left_ms"> {
  const key = keyOf(member);
  const isSelf = key === context.local;
  const common = {
    node_id: member.pilot_node_id,
    entmoot_pubkey: shownKey(key),
    hostname: profileName(group, member, context.clock.unix()),
    self: isSelf,
    founder: key !== undefined && key === group.roster.founder,
    ...presenceRow(key === undefined ? undefined : context.carrier?.notes.of(group).presence.of(key)),
  };
  const copy = key === undefined ? undefined : group.copyOf(key);
  const unreached = {
    connected: false,
    rtt_ms: undefined,
    last_seen_ms: undefined,
    error: undefined,
    copy: undefined,
    copy_since_ms: 0,
    ...NOT_REFUSED,
  } as const;
  if (isSelf) {
    return { ...common, ...unreached, trust: "self", route: "self", hints: context.hints.own(), hints_stale: false };
  }
  const hints = key === undefined ? [] : context.hints.of(key);
  const hints_stale = key !== undefined && context.hints.isStale(key);
  const peers = context.carrier?.peers;
  if (key === undefined || peers === undefined) {
    return { ...common, ...unreached, trust: "unknown", route: "not_checked", hints, hints_stale };
  }
  const { connected, proof, route, rttMs } = peers.status(key);
  const { lastError, lastSeen } = peers.record(key);
  const refused = context.carrier?.budget.refusals(key);
  return {
    ...common,
    connected,
    trust: proof === "key" ? "key" : "unknown",
    route,
    // Carriers measure in fractions; whole milliseconds, rounded up, so that 0 stays "unknown".
    rtt_ms: rttMs === undefined ? undefined : Math.ceil(rttMs),
    last_seen_ms: lastSeen,
    error: connected ? undefined : (lastError ?? reasonUnknown(hints)),
    hints,
    hints_stale,
    copy: copy && (copy.outcome === "equal" ? "same" : "different"),
    copy_since_ms: copy?.sinceMs ?? 0,
    ...(refused === undefined ? NOT_REFUSED : { refusals: refused.count, refused_for: refused.last }),
  };
}

const NOT_REFUSED = { refusals: 0, refused_for: "" } as const;

function reasonUnknown(hints: readonly string[]): string | undefined {
  return hints.length > 0
    ? undefined
    : "no address of this peer is known yet; it must connect to us, or share a member with us";
}
