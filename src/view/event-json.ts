import { GroupId, MessageId, RosterEntryId } from "../core/ids.ts";
import type { WatchEvent, WatchedPeer, WatchedPresence, WatchedReceipt } from "../node/operations/messages.ts";
import { messageLine } from "./message-line.ts";

/** A watch event as `up` and programs around it read it. */
export function eventJson(event: WatchEvent) {
  if (event.kind === "message") return { event: "message", ...messageLine(event) };
  if (event.kind === "unread") {
    return { event: "unread", group_id: GroupId.toBase64(event.group_id), reason: event.reason };
  }
  if (event.kind === "receipt") return receiptJson(event);
  if (event.kind === "presence") return presenceJson(event);
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

/** What became of a message of this node somewhere. */
export function receiptJson({ entmoot_pubkey, group_id, message_id, node_id, since_ms, state }: WatchedReceipt) {
  return {
    event: "receipt",
    group_id: GroupId.toBase64(group_id),
    message_id: MessageId.toBase64(message_id),
    node_id,
    entmoot_pubkey: entmoot_pubkey.toBase64(),
    state,
    ...(since_ms > 0 ? { since_ms } : {}),
  };
}

/** Somebody began or ceased to listen at a member. */
export function presenceJson({ entmoot_pubkey, group_id, host, listening, node_id, since_ms }: WatchedPresence) {
  return {
    event: "presence",
    group_id: GroupId.toBase64(group_id),
    node_id,
    entmoot_pubkey: entmoot_pubkey.toBase64(),
    listening,
    ...(since_ms > 0 ? { since_ms } : {}),
    ...(host === "" ? {} : { host }),
  };
}

/** A change of members as `tail -members` prints it. */
export function memberChangeJson(event: WatchedPeer) {
  return {
    event: "member",
    group_id: GroupId.toBase64(event.group_id),
    change: memberChange(event),
    node_id: event.node_id,
    entmoot_pubkey: event.entmoot_pubkey.toBase64(),
    ...(event.self ? { self: true } : {}),
    ...rosterPart(event),
  };
}

function memberChange({ event, replaces }: WatchedPeer): string {
  if (event === "leaves") return "left";
  if (event === "left") return "removed";
  return replaces === undefined ? "added" : "rekeyed";
}

function rosterPart({ entry_id, replaces }: WatchedPeer) {
  return {
    ...(replaces === undefined ? {} : { replaces: replaces.toBase64() }),
    ...(entry_id === undefined ? {} : { entry_id: RosterEntryId.toBase64(entry_id) }),
  };
}
