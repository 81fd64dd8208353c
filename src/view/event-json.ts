import { GroupId, RosterEntryId } from "../core/ids.ts";
import type { WatchEvent, WatchedPeer } from "../node/operations/messages.ts";
import { messageLine } from "./message-line.ts";

/** A watch event as `up` and programs around it read it. */
export function eventJson(event: WatchEvent) {
  if (event.kind === "message") return { event: "message", ...messageLine(event) };
  if (event.kind === "unread") {
    return { event: "unread", group_id: GroupId.toBase64(event.group_id), reason: event.reason };
  }
  return {
    event: "peer",
    group_id: GroupId.toBase64(event.group_id),
    node_id: event.node_id,
    entmoot_pubkey: event.entmoot_pubkey.toBase64(),
    change: event.event,
    route: event.route,
    ...(event.self ? { self: true } : {}),
    ...rosterPart(event),
  };
}

/** A change of members as `tail -members` prints it. */
export function memberChangeJson(event: WatchedPeer) {
  return {
    event: "member",
    group_id: GroupId.toBase64(event.group_id),
    change: event.event === "left" ? "removed" : event.replaces === undefined ? "added" : "rekeyed",
    node_id: event.node_id,
    entmoot_pubkey: event.entmoot_pubkey.toBase64(),
    ...(event.self ? { self: true } : {}),
    ...rosterPart(event),
  };
}

function rosterPart({ entry_id, replaces }: WatchedPeer) {
  return {
    ...(replaces === undefined ? {} : { replaces: replaces.toBase64() }),
    ...(entry_id === undefined ? {} : { entry_id: RosterEntryId.toBase64(entry_id) }),
  };
}
