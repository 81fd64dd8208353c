import { EntmootError } from "../core/errors.ts";
import { PublicKey } from "../core/ids.ts";
import type { NodeInfo } from "../core/record/records.ts";
import { createRosterEntry, type RosterChange } from "../core/roster/roster-change.ts";
import type { Group } from "./group/group.ts";
import type { NodeContext } from "./node-context.ts";
import { openLinks } from "./open-links.ts";
import type { RosterChanged, roster_change } from "./operations/moots.ts";
import type { RequestOf } from "./operations/operation.ts";

type RosterChangeRequest = RequestOf<typeof roster_change>;

/** Adds or removes a member, as the founder; durable on return, spread at once when a daemon runs. */
export function changeRoster(context: NodeContext, request: RosterChangeRequest): RosterChanged {
  const group = context.requireGroup(request.group_id);
  requireFounder(group);
  const subject =
    request.op === "add"
      ? addMember(context, group, request.entmoot_pubkey, request.node_id)
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

/** Adds `key` under `nodeId` or its own id. Throws `conflict`. */
export function addMember(context: NodeContext, group: Group, key: PublicKey, nodeId: number | undefined): NodeInfo {
  const bytes = PublicKey.toBytes(key);
  return append(context, group, { op: "add", key: bytes, ...(nodeId === undefined ? {} : { nodeId }) });
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
    `local node ${group.self?.pilot_node_id ?? "(no member)"} is not founder ${founder.pilot_node_id} of this group; ask the founder`,
  );
}
