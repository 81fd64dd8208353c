import { keyOf, shownKey } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import { isDone } from "../../machine/delivery.ts";
import type { AgentStore, LedgerRow } from "../../store/agent-store.ts";
import { isApart, type StoredMessage } from "../../store/group-store.ts";
import { profileName } from "../group/profiles.ts";
import { type PresenceOf, presenceRow } from "../notes/kept-receipts.ts";
import { type InboxRow, SHOWN_CONTENT_BYTES, SHOWN_REFERENCES, SHOWN_TOPICS } from "../operations/inbox.ts";
import { placeOfSeq } from "../read/places.ts";
import type { MootWindow } from "./moot-inbox.ts";

/** A message of an inbox as it is told. `asks`: what is known of it already. */
export function inboxRowOf(
  window: MootWindow,
  {
    asks,
    message,
    presence,
    store,
    stored,
  }: { stored: StoredMessage; message: Message; store: AgentStore; presence: PresenceOf; asks?: boolean },
): InboxRow {
  const { asking, moot } = window;
  const row = store.row(moot.id, stored.id);
  const author = keyOf(message.author);
  const apart = isApart(stored);
  const self = asking.isOwn(message);
  return {
    group_id: moot.id,
    message_id: stored.id,
    seq: apart ? 0 : stored.seq,
    place: apart ? "" : placeOfSeq(moot, stored.seq),
    author: message.author.pilot_node_id,
    author_key: shownKey(author),
    hostname: profileName(moot, message.author, window.nowMs),
    self,
    timestamp_ms: message.timestamp,
    arrived_ms: stored.arrivedMs,
    topics: message.topics.slice(0, SHOWN_TOPICS),
    references: message.references.slice(0, SHOWN_REFERENCES),
    content: beginningOf(message.content),
    content_bytes: message.content.length,
    asks: row?.asks === true || (asks ?? asking.asks(message, store.rule(moot.id))),
    unread: !self && isUnread(window, stored, row),
    state: row?.state,
    changed_ms: row?.changedAtMs,
    receipts: undefined,
    ...window.standing(author),
    ...presenceRow(author === undefined || self ? undefined : presence(moot.id, author)),
    hop: window.hops.of(moot, message).hop,
  };
}

/** What is shown of a content: no character of it is cut in two. */
function beginningOf(content: Uint8Array): Uint8Array {
  let end = SHOWN_CONTENT_BYTES;
  if (content.length <= end) return content;
  while (end > SHOWN_CONTENT_BYTES - 4 && (content[end]! & 0xc0) === 0x80) end -= 1;
  return content.subarray(0, end);
}

function isUnread(window: MootWindow, stored: StoredMessage, row: LedgerRow | undefined): boolean {
  if (isApart(stored) || (row !== undefined && isDone(row.state))) return false;
  return stored.seq > window.doneSeqFrom(window.keptDoneSeq);
}
