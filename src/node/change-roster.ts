import { EntmootError } from "../core/errors.ts";
import { GroupId, PublicKey, RosterEntryId } from "../core/ids.ts";
import type { NodeInfo } from "../core/record/records.ts";
import { createRosterEntry, type RosterChange } from "../core/roster/roster-change.ts";
import type { RosterFork } from "../core/roster/roster-forks.ts";
import { atMost } from "../transport/wait.ts";
import type { Group } from "./group/group.ts";
import { requireNotAhead } from "./group/own-clock.ts";
import type { NodeContext } from "./node-context.ts";
import { openLinks } from "./open-links.ts";
import type { RosterChanged, roster_change } from "./operations/moots.ts";
import type { RequestOf } from "./operations/operation.ts";
import { TWIN_WARNING } from "./twin-watch.ts";

type RosterChangeRequest = RequestOf<typeof roster_change>;

/** Adds or removes a member, as the founder; durable on return, spread at once when a daemon runs. */
export function changeRoster(context: NodeContext, request: RosterChangeRequest): RosterChanged {
  const group = context.requireGroup(request.group_id);
  requireFounder(group);
  requireMaySign(context, group, { alone: request.alone ?? false });
  const subject =
    request.op === "add"
      ? append(context, group, addition(request.entmoot_pubkey, request.node_id))
      : removeMember(context, group, request);
  const changed = {
    group_id: group.id,
    entry_id: group.roster.head,
    subject,
    members: group.roster.log.members.length,
  };
  // A link lets in whoever shows it under a new key, and nobody knows who has one.
  const links = request.op === "remove" ? openLinks(context, group.id, request.revoke_links) : undefined;
  return { ...changed, links };
}

/** Adds `key` under `nodeId` or its own id. Throws `conflict`, and as `requireMaySign`. */
export function addMember(context: NodeContext, group: Group, key: PublicKey, nodeId: number | undefined): NodeInfo {
  requireMaySign(context, group, { alone: false });
  return append(context, group, addition(key, nodeId));
}

function addition(key: PublicKey, nodeId: number | undefined): RosterChange {
  return { op: "add", key: PublicKey.toBytes(key), ...(nodeId === undefined ? {} : { nodeId }) };
}

function removeMember(context: NodeContext, group: Group, request: RosterChangeRequest): NodeInfo {
  const { entmoot_pubkey: key, node_id: nodeId } = request;
  const member = nodeId ?? group.roster.members.get(key)?.pilot_node_id;
  if (member === undefined) throw new EntmootError("not_member", "target is not a member");
  return append(context, group, { op: "remove", nodeId: member, key: PublicKey.toBytes(key) });
}

function append(context: NodeContext, group: Group, change: RosterChange): NodeInfo {
  const { seed } = context.identity;
  const entry = createRosterEntry({ log: group.roster.log, seed, nowMs: context.clock.unix(), change });
  group.appendRoster(entry);
  return entry.subject;
}

/** Throws `not_member` unless this node founded the group: only then do others follow its changes. */
export function requireFounder(group: Group): void {
  if (group.isFounder) return;
  const { founder } = group.roster.log;
  if (founder === undefined) throw new EntmootError("group_not_found", "group has no founder (empty roster)");
  throw new EntmootError(
    "not_member",
    `this node${nodeOf(group.self)} did not found this group; ask its founder, node ${founder.pilot_node_id}`,
  );
}

function nodeOf(self: Group["self"]): string {
  return self === undefined ? ", which is no member," : ` (${self.pilot_node_id})`;
}

/** Nobody else is in the roster, as it is here. */
function isLone({ roster }: Group): boolean {
  return roster.members.size < 2;
}

/** Ours. How long a founder that may have an old copy waits for a member before it refuses. */
const COMPARE_MS = 10_000;

/** Waits a moment for a member to compare with, where this node founded the moot and may have an old copy of it. */
export async function awaitComparison(context: NodeContext, groupId: GroupId): Promise<void> {
  const group = context.group(groupId);
  if (group?.doubt.reason === undefined || context.carrier === undefined || isLone(group)) return;
  await atMost(context.clock, COMPARE_MS, group.doubt.over);
}

/**
 * Throws `conflict` while the roster has forked, and while this node's key runs in another place too; `unavailable`
 * while its copy may be an old one, or the clock here runs ahead, as members say. `alone`: its owner says that it is the latest, and the only
 * one, and that its date is right: three members that lie about the time must not keep themselves from being removed.
 */
export function requireMaySign(context: NodeContext, group: Group, { alone }: { readonly alone: boolean }): void {
  const { fork } = group.roster;
  if (fork !== undefined) throw forked(group.id, fork);
  if (alone) group.doubt.dismiss();
  const { reason } = group.doubt;
  if (reason !== undefined) {
    const until = isLone(group)
      ? `until its owner says that there is no later one, since nobody else is in it who could be compared with: go on with "entmootd invite link -group ${GroupId.toBase64(group.id)} -alone", or roster add -alone`
      : "until it has been compared with a member's: run the daemon until one is met, or go on with -alone";
    throw new EntmootError(
      "unavailable",
      `this copy of the moot may be an old one: ${reason}; nothing is signed for its roster ${until}, which parts the moot for good if there is a later roster anywhere`,
    );
  }
  if (!alone) requireNotAhead(group, context.clock.unix());
  if (context.twins.seenAt !== undefined && !alone) throw new EntmootError("conflict", TWIN_WARNING);
}

function forked(groupId: GroupId, { branches }: RosterFork): EntmootError {
  if (branches.length < 2) {
    return new EntmootError(
      "unavailable",
      "the founder has kept a history of the roster that is not known here yet; run the daemon until a member is met",
    );
  }
  const heads = branches.map(({ entries, head }) => `${RosterEntryId.toBase64(head)} (${entries} more)`);
  return new EntmootError(
    "conflict",
    `the roster of this moot has forked: its founder has signed ${heads.length} histories, which end at ${heads.join(" and ")}; nothing more is signed until one is kept: roster heal -group ${GroupId.toBase64(groupId)} -keep HEAD`,
  );
}
