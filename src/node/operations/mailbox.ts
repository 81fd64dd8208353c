import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, messageId, text, u32 } from "../../core/json/json-scalars.ts";
import { boundedBytes, boundedText, clippedText, count, plainList } from "../../wire/frame/bounded.ts";
import { CONSUMER_NAME_MAX } from "./consumers.ts";
import { PAGE_MESSAGES_MAX, WAIT_MAX_MS } from "./messages.ts";
import { BODY_MAX, operation } from "./operation.ts";
import { groupOrOnly, placeText, topicsAsked } from "./shapes.ts";

/** Ours. Topics of one message that are told: all that a message has room for. */
const TOPICS_MAX = 1_000_000;
const NOTE_MAX = 4096;

const client = documented(
  `who reads, by a name of its own choice, 1 to ${CONSUMER_NAME_MAX} bytes; over the agents' socket ${CONSUMER_NAME_MAX - 6}`,
  boundedText("client_id", CONSUMER_NAME_MAX),
);

const cursor = struct(
  "mailbox cursor",
  {
    message_id: documented("the message it is behind; zero: it is before the first", messageId),
    timestamp_ms: documented("of that message, Unix milliseconds", i64),
    place: documented("where it is in this node's log of the moot", placeText),
  },
  { required: ["message_id", "timestamp_ms", "place"] },
);

export type MailboxCursor = Decoded<typeof cursor>;

const mail = struct(
  "mailbox message",
  {
    message_id: messageId,
    author: u32,
    topic: plainList(text, TOPICS_MAX),
    content: documented("as text; what is not UTF-8 in it reads as U+FFFD", text),
    timestamp_ms: i64,
    content_b64: documented(
      "its bytes, where the text is not all of it",
      optional(boundedBytes("content", { min: 0, max: Number.MAX_SAFE_INTEGER })),
    ),
  },
  { required: ["message_id", "author", "topic", "content", "timestamp_ms"] },
);

export type Mail = Decoded<typeof mail>;

const note = documented(
  "what its owner should know: the place kept for it was not of this log",
  optional(clippedText("note", NOTE_MAX)),
);

const pullRequest = struct(
  "mailbox pull",
  {
    group_id: groupOrOnly,
    client_id: client,
    limit: documented(
      `at most so many; absent: 50; 0: as many as an answer holds, which are ${PAGE_MESSAGES_MAX} or some 1 MiB`,
      optional(count),
    ),
    ...topicsAsked,
    mentions: documented("only what names or answers this node, by another", optional(bool)),
    after: documented("look on from here, where that is further than what is acknowledged", optional(placeText)),
    wait_ms: documented("while there is none, wait up to so long for one; at most two minutes", optional(count)),
  },
  { required: ["client_id"] },
);

const pulled = struct(
  "mailbox page",
  {
    client_id: client,
    group_id: groupId,
    count,
    has_more: documented("there is more behind next_cursor, of which some may match", bool),
    next_cursor: documented("the last that was looked at; acknowledge its place to go on behind it", cursor),
    messages: plainList(mail, PAGE_MESSAGES_MAX),
    note,
  },
  { required: ["client_id", "group_id", "count", "has_more", "next_cursor", "messages"] },
);

export type Pulled = Decoded<typeof pulled>;

/** Moves nothing. Throws `group_not_found`, `invalid_argument`, `place_lost`, `data_root_invalid` for a damaged mailbox. */
export const mailbox_pull = operation({
  name: "mailbox_pull",
  summary: "What a client of the mailbox has not acknowledged, in the order it arrived",
  onlyLooks: true,
  scope: "agent",
  request: pullRequest,
  answer: pulled,
  answerMax: BODY_MAX,
  patienceMs: WAIT_MAX_MS + 30_000,
});

const ackRequest = struct(
  "mailbox acknowledgement",
  {
    group_id: groupOrOnly,
    client_id: client,
    message_id: documented("acknowledge this message and everything that arrived before it", optional(messageId)),
    through: documented("instead: everything up to this place", optional(placeText)),
  },
  { required: ["client_id"] },
);

const acknowledged = struct(
  "acknowledged",
  {
    client_id: client,
    group_id: groupId,
    message_id: messageId,
    timestamp_ms: i64,
    cursor: documented("what was asked for, also where the client is further on", cursor),
    note,
  },
  { required: ["client_id", "group_id", "message_id", "timestamp_ms", "cursor"] },
);

export type Acknowledged = Decoded<typeof acknowledged>;

/** Durable when it answers; never goes back. Throws as `mailbox_pull`, `not_found` for a message, `conflict` where there are too many clients. */
export const mailbox_ack = operation({
  name: "mailbox_ack",
  summary: "Acknowledge everything up to a message or place, so that its client is never shown it again",
  scope: "agent",
  request: ackRequest,
  answer: acknowledged,
});

const ofClient = struct("mailbox client", { group_id: groupOrOnly, client_id: client }, { required: ["client_id"] });

const standing = struct(
  "where a client is",
  {
    client_id: client,
    group_id: groupId,
    cursor,
    unread: documented("how many messages are held behind it", count),
    note,
  },
  { required: ["client_id", "group_id", "cursor", "unread"] },
);

export type MailboxStanding = Decoded<typeof standing>;

/** Throws as `mailbox_pull`. */
export const mailbox_cursor = operation({
  name: "mailbox_cursor",
  summary: "Where a client of the mailbox is, and how many messages are behind that",
  onlyLooks: true,
  scope: "agent",
  request: ofClient,
  answer: standing,
});

const forgotten = struct("forgotten", { forgotten: documented("whether there was one", bool) });

/** Throws as `mailbox_pull`. */
export const mailbox_forget = operation({
  name: "mailbox_forget",
  summary: "Forget a client of the mailbox: it begins with the first message again",
  scope: "agent",
  request: ofClient,
  answer: forgotten,
});

export const MAILBOX_OPERATIONS = { mailbox_pull, mailbox_ack, mailbox_cursor, mailbox_forget };
