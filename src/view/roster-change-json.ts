import { GroupId, RosterEntryId } from "../core/ids.ts";
import type { RosterChanged } from "../node/operations/moots.ts";
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
