import { GroupId, type PublicKey, RosterEntryId } from "../core/ids.ts";
import { keyOf } from "../core/record/node-key.ts";
import type { NodeInfo } from "../core/record/records.ts";
import type { SaltedMap } from "../core/salted-map.ts";
import type { Log } from "../host/log.ts";
import type { Group } from "./group/group.ts";
import type { GroupRoster } from "./group/group-roster.ts";

/** Ours. Changes at once of which each is told with its entry, and has a line in the log; of more only how many. */
const EACH_MAX = 64;

/** One member that came, went, or has another key. */
export interface MembershipChange {
  readonly event: "joined" | "left";
  readonly key: PublicKey;
  readonly member: NodeInfo;
  /** The entry that made it so; `undefined` where very many changed at once, or a fork was healed. */
  readonly entry_id: RosterEntryId | undefined;
  /** The key that the same node id had before. */
  readonly replaces: PublicKey | undefined;
}

/** What changed since `before`, newcomers first. A new key of a member is one change. */
export function membershipChanges(before: SaltedMap<PublicKey, NodeInfo>, roster: GroupRoster): MembershipChange[] {
  const after = roster.members;
  const came = [...after.notIn(before)];
  const went = [...before.notIn(after)];
  const isFew = came.length + went.length <= EACH_MAX;
  const entryOf = (op: string, nodeId: number) =>
    isFew
      ? roster.log.entries.findLast((entry) => entry.op === op && entry.subject.pilot_node_id === nodeId)?.id
      : undefined;
  const oldKeys = new Map(went.map(([key, { pilot_node_id }]) => [pilot_node_id, key]));
  const newIds = new Set(came.map(([, { pilot_node_id }]) => pilot_node_id));
  return [
    ...came.map(([key, member]) => ({
      event: "joined" as const,
      key,
      member,
      entry_id: entryOf("add", member.pilot_node_id),
      replaces: oldKeys.get(member.pilot_node_id),
    })),
    ...went
      .filter(([, { pilot_node_id }]) => !newIds.has(pilot_node_id))
      .map(([key, member]) => ({
        event: "left" as const,
        key,
        member,
        entry_id: entryOf("remove", member.pilot_node_id),
        replaces: undefined,
      })),
  ];
}

/** A line for each, or one for very many. */
export function tellLog(log: Log, group: Group, changes: readonly MembershipChange[]): void {
  const id = GroupId.toBase64(group.id);
  if (changes.length > EACH_MAX) log.info(`group ${id}: ${changes.length} members came or went`);
  else for (const change of changes) log.info(`group ${id}: ${wordsOf(change)}`);
}

function wordsOf({ entry_id, event, member, replaces }: MembershipChange): string {
  const what = replaces === undefined ? { joined: "is a member", left: "was removed" }[event] : "has a new key";
  const entry = entry_id === undefined ? "" : `, roster entry ${RosterEntryId.toBase64(entry_id)}`;
  return `node ${member.pilot_node_id} (${keyOf(member)?.slice(0, 12) ?? "no key"}) ${what}${entry}`;
}
