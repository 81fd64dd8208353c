import { GroupId, MessageId } from "../core/ids.ts";
import type { Acknowledged, Mail, MailboxCursor, MailboxStanding, Pulled } from "../node/operations/mailbox.ts";
import { jsonInteger } from "./message-line.ts";

/*
 * Wire with the original: what its `mailbox` prints, its keys in its order. Ours come behind: `place`, and `content_b64`
 * where the content is not all text.
 */

export function pulledJson({ client_id, count, group_id, has_more, messages, next_cursor }: Omit<Pulled, "note">) {
  return {
    client_id,
    group_id: GroupId.toBase64(group_id),
    count,
    has_more,
    next_cursor: cursorJson(next_cursor),
    messages: messages.map((mail) => mailJson(mail, GroupId.toBase64(group_id))),
  };
}

export function acknowledgedJson({ client_id, cursor, group_id, message_id, timestamp_ms }: Acknowledged) {
  return {
    client_id,
    group_id: GroupId.toBase64(group_id),
    message_id: MessageId.toBase64(message_id),
    timestamp_ms: jsonInteger(timestamp_ms),
    cursor: cursorJson(cursor),
  };
}

export function standingJson({ client_id, cursor, group_id, unread }: MailboxStanding) {
  return { client_id, group_id: GroupId.toBase64(group_id), cursor: cursorJson(cursor), unread };
}

function cursorJson({ message_id, place, timestamp_ms }: MailboxCursor) {
  return { message_id: MessageId.toBase64(message_id), timestamp_ms: jsonInteger(timestamp_ms), place };
}

function mailJson({ author, content, content_b64, message_id, timestamp_ms, topic }: Mail, group_id: string) {
  return {
    message_id: MessageId.toBase64(message_id),
    group_id,
    author,
    topic,
    content,
    timestamp_ms: jsonInteger(timestamp_ms),
    ...(content_b64 === undefined ? {} : { content_b64: content_b64.toBase64() }),
  };
}
