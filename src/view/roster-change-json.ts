import { GroupId, RosterEntryId } from "../core/ids.ts";
import type { RosterChanged, RosterHealed } from "../node/operations/moots.ts";
import { linkRowJson } from "./link-json.ts";
import { nodeInfoJson } from "./node-info-json.ts";

/** What `roster add` and `roster remove` print: the original's keys, each in its order; and the links by which somebody could come back. */
export function rosterChangeJson(op: "add" | "remove", changed: RosterChanged) {
  const subject = nodeInfoJson(changed.subject);
  const group_id = GroupId.toBase64(changed.group_id);
  const { members } = changed;
  if (op === "remove") {
    const links = changed.links ?? [];
    return { group_id, members, removed: subject, ...(links.length === 0 ? {} : { links: links.map(linkRowJson) }) };
  }
  return { added: subject, entry_id: RosterEntryId.toBase64(changed.entry_id), group_id, members };
}

/** What `roster heal` prints. */
export function rosterHealJson(healed: RosterHealed) {
  const { dry_run, fork, kept, lost, members, readmitted, removed_there, roster_head } = healed;
  return {
    group_id: GroupId.toBase64(healed.group_id),
    ...(dry_run ? { dry_run } : {}),
    ...(fork === undefined ? {} : { fork: RosterEntryId.toBase64(fork) }),
    kept: RosterEntryId.toBase64(kept),
    lost: lost.map((head) => RosterEntryId.toBase64(head)),
    readmitted: readmitted.map(({ entmoot_pubkey, error, node_id }) => ({
      node_id,
      entmoot_pubkey: entmoot_pubkey.toBase64(),
      ...(error === undefined ? {} : { error }),
    })),
    removed_there: removed_there.map(({ entmoot_pubkey, node_id }) => ({
      node_id,
      entmoot_pubkey: entmoot_pubkey.toBase64(),
    })),
    roster_head: RosterEntryId.toBase64(roster_head),
    members,
  };
}
