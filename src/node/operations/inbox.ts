import { ROLES, TRUSTS } from "../../core/agents/trust.ts";
import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, messageId, u32 } from "../../core/json/json-scalars.ts";
import { PRESENCE_HOST_BYTES_MAX } from "../../core/record/note-bodies.ts";
import { message as messageCodec } from "../../core/record/record-codecs.ts";
import { DELIVERY_STATES } from "../../machine/delivery.ts";
import { AGENT_STORE_LIMITS, DELIVER_MODES } from "../../store/agent-store.ts";
import {
  boundedBytes,
  boundedText,
  clippedText,
  count,
  oneOf,
  plainList,
  shortList,
} from "../../wire/frame/bounded.ts";
import { TOKEN_BYTES } from "../../wire/peer/redeem-frames.ts";
import { jsonTextMax, moreRows, type Room } from "./fitting-rows.ts";
import { published, TOPIC_BYTES_MAX, TOPICS_MAX, UNREAD_MAX, unreadMoot, WAIT_MAX_MS } from "./messages.ts";
import { BODY_MAX, operation } from "./operation.ts";
import { presenceFields, READERS_MAX, receiptOf, receiptsBytes } from "./receipts.ts";
import { groupOrAll, memberKey, nothing, places, placeText, theGroup } from "./shapes.ts";

/** Ours. What a row shows of a message; `inbox_read` gives all of it. */
export const SHOWN_CONTENT_BYTES = 4_096;
const SHOWN_TOPICS = 16;
const SHOWN_TOPIC_BYTES = 256;
const SHOWN_REFERENCES = 64;
const SHOWN_NAME_BYTES = 256;
/** Ours. Rows of one answer: some hundred KiB, which nobody waits for. */
export const INBOX_ROWS_MAX = 200;
/** Ours. How a member is named: by a node id, a key or a name. */
const MEMBER_BYTES_MAX = 1_024;

const state = documented(
  "what became of it on its way into the agent, where the ledger knows it: see docs/doors.md",
  optional(oneOf("state", DELIVERY_STATES as unknown as readonly ["queued", ...(typeof DELIVERY_STATES)[number][]])),
);

const inboxRow = struct(
  "inbox row",
  {
    group_id: groupId,
    message_id: messageId,
    seq: documented("its number in this node's log of the moot; 0: it is apart", count),
    place: documented("to go on after it; empty: it is apart", placeText),
    author: documented("the node id of its author in this moot", u32),
    author_key: documented("the key that signed it", memberKey),
    hostname: documented(
      "how its author wants to be shown; empty for nothing",
      clippedText("hostname", SHOWN_NAME_BYTES),
    ),
    self: documented("this node wrote it", bool),
    timestamp_ms: documented("its own date", i64),
    arrived_ms: documented("when it came, where its own date lay ahead then", optional(i64)),
    topics: documented("the first of them", shortList(clippedText("topic", SHOWN_TOPIC_BYTES), SHOWN_TOPICS)),
    references: documented("what it answers, the first of them", shortList(messageId, SHOWN_REFERENCES)),
    content: documented(
      `its first ${SHOWN_CONTENT_BYTES} bytes`,
      boundedBytes("content", { min: 0, max: SHOWN_CONTENT_BYTES }),
    ),
    content_bytes: documented("how many there are", count),
    asks: documented("it names this node, answers it, or wakes by the rule of the moot", bool),
    unread: documented("nobody here is done with it", bool),
    state,
    changed_ms: documented("since when it is in that state, Unix milliseconds", optional(count)),
    receipts: documented(
      "in a thread, of a message of this node: what became of it at those it asked",
      optional(plainList(receiptOf, READERS_MAX)),
    ),
    trust: documented(
      "what this machine knows of its author: operator, the node that this voice belongs to; known, another agent of this machine or one on the allow list; peer",
      oneOf("trust", TRUSTS),
    ),
    role: documented("what the roster says of its author", oneOf("role", ROLES)),
    ...presenceFields,
    hop: documented("how far it is from where its talk began, from 1; what wakes is held to it", count),
  },
  {
    required: [
      "group_id",
      "message_id",
      "seq",
      "place",
      "author",
      "author_key",
      "trust",
      "role",
      "timestamp_ms",
      "content",
    ],
  },
);

export type InboxRow = Decoded<typeof inboxRow>;

/** Ours. What one answer takes at most, and a row of it beside its texts. */
const ROWS_ANSWER_MAX = 2 * 1024 * 1024;
const ROW_BYTES = 1_024;
export const INBOX_ROOM: Room<InboxRow> = {
  rowsMax: INBOX_ROWS_MAX,
  // Beside the rows there are places and moots that cannot be read.
  answerMax: ROWS_ANSWER_MAX / 2,
  bytesOf: ({ content, hostname, listening_host, receipts = [], references, topics }) =>
    ROW_BYTES +
    receiptsBytes(receipts) +
    jsonTextMax(hostname, SHOWN_NAME_BYTES) +
    jsonTextMax(listening_host, PRESENCE_HOST_BYTES_MAX) +
    topics.slice(0, SHOWN_TOPICS).reduce((sum, topic) => sum + jsonTextMax(topic, SHOWN_TOPIC_BYTES), 0) +
    references.length * 47 +
    Math.ceil(content.length / 3) * 4,
};

export { SHOWN_REFERENCES, SHOWN_TOPICS };

const inboxRequest = struct("inbox asked for", {
  group_id: groupOrAll,
  asks: documented("only what names this node, answers it, or wakes by the rule of its moot", optional(bool)),
  limit: documented(`1 to ${INBOX_ROWS_MAX}; absent: 50`, optional(count)),
  after: documented("only what came after these places, one for each moot", optional(places)),
  wait_ms: documented(
    `while there is none, wait up to so long for one; at most ${WAIT_MAX_MS / 60_000} minutes`,
    optional(count),
  ),
});

const inboxAnswer = struct(
  "inbox",
  {
    rows: documented("the oldest that are unread, newest last", plainList(inboxRow, INBOX_ROWS_MAX)),
    unread: documented("how many there are, of those asked for; with more: at least so many", count),
    asks: documented("how many of them ask this node", count),
    more: documented("there are more than these rows", bool),
    places: documented("behind the last row of each moot: hand them back as after", places),
    unread_moots: documented(
      "moots that could not be read, where none was asked for",
      shortList(unreadMoot, UNREAD_MAX),
    ),
  },
  { required: ["rows", "unread", "more"] },
);

/** Marks nothing read. Throws `group_not_found`, `invalid_argument`, `place_lost`, `identity_invalid` where no identity tells whose inbox it is. */
export const inbox = operation({
  name: "inbox",
  summary: "What is unread in all moots, the oldest of it, newest last",
  onlyLooks: true,
  scope: "agent",
  request: inboxRequest,
  answer: inboxAnswer,
  requestMax: 512 * 1024,
  answerMax: ROWS_ANSWER_MAX,
  patienceMs: WAIT_MAX_MS + 30_000,
});

const namedMessage = struct(
  "message named",
  {
    group_id: documented("the moot it is in; absent: whichever holds it", optional(groupId)),
    message_id: messageId,
    peek: documented("true: it stays unread", optional(bool)),
  },
  { required: ["message_id"] },
);

const readMessage = struct(
  "message read",
  {
    row: inboxRow,
    message: messageCodec,
    verified: documented(
      "signature: its author's key signed it, and its id is its hash",
      oneOf("verified", ["signature"]),
    ),
    member: documented("its author is a current member with this key", bool),
    apart: documented(
      "why it is in no log: its author had been removed when it came",
      optional(oneOf("apart", ["removed"])),
    ),
  },
  { required: ["row", "message", "verified", "member"] },
);

/** Marks it read unless `peek`. Throws `group_not_found`, `not_found`. */
export const inbox_read = operation({
  name: "inbox_read",
  summary: "One message whole, with who signed it and what became of it; it is read then",
  scope: "agent",
  request: namedMessage,
  answer: readMessage,
  answerMax: BODY_MAX,
});

const answerWaited = struct(
  "answer waited for",
  {
    group_id: theGroup,
    message_id: documented("the question", messageId),
    author_key: documented("whose answer it is to be", memberKey),
    wait_ms: documented(`up to so long; at most ${WAIT_MAX_MS / 60_000} minutes`, count),
  },
  { required: ["group_id", "message_id", "author_key", "wait_ms"] },
);

/** Throws `group_not_found`, `not_found`. */
export const answer_wait = operation({
  name: "answer_wait",
  summary: "Wait for a member's answer to a message: it is read then, and is handed to nobody else meanwhile",
  scope: "agent",
  request: answerWaited,
  answer: struct("answer", {
    row: documented(
      "the first message of that member that refers to the question; absent: none yet",
      optional(inboxRow),
    ),
  }),
  answerMax: ROWS_ANSWER_MAX,
  patienceMs: WAIT_MAX_MS + 30_000,
});

const ackRequest = struct("acknowledgement", {
  group_id: documented("the moot; absent: whichever holds the message, or the place is of", optional(groupId)),
  message_id: documented("this message", optional(messageId)),
  place: documented("everything up to this place", optional(placeText)),
  through: documented("with message_id: everything up to it, as it arrived here", optional(bool)),
});

const acknowledged = struct(
  "acknowledged",
  {
    group_id: groupId,
    acknowledged: documented("how many messages were unread and are not any more", count),
    place: documented("up to where everything of the moot is done", placeText),
  },
  { required: ["group_id", "acknowledged", "place"] },
);

/** Durable when it answers. One that is done already is no failure. Throws `group_not_found`, `not_found`, `invalid_argument`, `place_lost`. */
export const inbox_ack = operation({
  name: "inbox_ack",
  summary: "Be done with a message without an answer, or with everything up to it",
  scope: "agent",
  request: ackRequest,
  answer: acknowledged,
});

const threadRequest = struct(
  "thread asked for",
  {
    group_id: documented("the moot it is in; absent: whichever holds it", optional(groupId)),
    message_id: messageId,
  },
  { required: ["message_id"] },
);

const threadAnswer = struct(
  "thread",
  { group_id: groupId, rows: plainList(inboxRow, INBOX_ROWS_MAX), more: moreRows },
  { required: ["group_id", "rows"] },
);

/** Marks nothing read. Throws `group_not_found`, `not_found`, `identity_invalid`. */
export const thread = operation({
  name: "thread",
  summary: "The messages that a message's references lead to, and those that refer to any of them, oldest first",
  onlyLooks: true,
  scope: "agent",
  request: threadRequest,
  answer: threadAnswer,
  answerMax: ROWS_ANSWER_MAX,
});

const findRequest = struct(
  "message looked for",
  {
    group_id: groupOrAll,
    start: documented("the first 8 characters of its id in base64, or more of them", boundedText("start", 44)),
  },
  { required: ["start"] },
);

/** Ours. Enough to tell that a start is too short. */
export const FOUND_MAX = 8;

const foundAnswer = struct(
  "messages found",
  {
    found: plainList(
      struct("found", { group_id: groupId, message_id: messageId }, { required: ["group_id", "message_id"] }),
      FOUND_MAX,
    ),
  },
  { required: ["found"] },
);

/** Throws `group_not_found`, `invalid_argument`. */
export const message_find = operation({
  name: "message_find",
  summary: "Which messages held here have an id that begins so, eight at most",
  onlyLooks: true,
  scope: "agent",
  request: findRequest,
  answer: foundAnswer,
});

const replyRequest = struct(
  "reply",
  {
    group_id: documented("the moot the message is in; absent: whichever holds it", optional(groupId)),
    message_id: documented("what is answered", messageId),
    content: documented("the body, not empty", boundedBytes("content", { min: 0, max: Number.MAX_SAFE_INTEGER })),
    topics: documented(
      "absent: those of the message that is answered",
      optional(plainList(boundedText("topic", TOPIC_BYTES_MAX), TOPICS_MAX)),
    ),
    token: documented(
      "as of publish: a second try under it publishes nothing",
      optional(boundedBytes("token", TOKEN_BYTES)),
    ),
    force: documented("true: publish it although it looks as if it held a secret", optional(bool)),
  },
  { required: ["message_id", "content"] },
);

/**
 * Publishes a message that references the other and marks that one answered. Throws as `publish`, `not_found`, and
 * `forbidden` for a text that looks as if it held a secret.
 */
export const reply = operation({
  name: "reply",
  summary: "Answer a message: publish under its topics, naming it, and mark it answered",
  scope: "agent",
  request: replyRequest,
  answer: published,
  requestMax: BODY_MAX,
});

const memberText = documented(
  "a member: its node id in a moot, its key, or a hostname that only one has",
  boundedText("member", MEMBER_BYTES_MAX),
);

const muteRow = struct(
  "mute",
  {
    member: documented("its key", memberKey),
    hostname: documented(
      "how it wants to be shown; empty where no moot tells",
      clippedText("hostname", SHOWN_NAME_BYTES),
    ),
    group_id: documented("in this moot alone; absent: in all", optional(groupId)),
    from_ms: documented("since when, Unix milliseconds", count),
    until_ms: documented("until when; absent: until it is taken back", optional(count)),
  },
  { required: ["member", "from_ms"] },
);

export type MuteRow = Decoded<typeof muteRow>;

const muteRequest = struct(
  "member to mute",
  {
    member: memberText,
    group_id: documented("in this moot alone; absent: in all", optional(groupId)),
    for_ms: documented("for so long; absent: until it is taken back", optional(count)),
  },
  { required: ["member"] },
);

/** Durable when it answers. Throws `group_not_found`, `not_found`, `invalid_argument`, `conflict` (too many). */
export const mute = operation({
  name: "mute",
  summary: "Keep a member's words from this node's inbox and agent, here alone; an agent makes no mute shorter",
  scope: "agent",
  request: muteRequest,
  answer: muteRow,
});

const unmuteRequest = struct(
  "member to hear again",
  {
    member: memberText,
    group_id: documented("the moot it was muted in alone; absent: every mute of it", optional(groupId)),
  },
  { required: ["member"] },
);

/**
 * What was written meanwhile stays done. The owner's: no words of a member lead an agent to hear another that was muted. Throws
 * `group_not_found`, `not_found`, `invalid_argument`.
 */
export const unmute = operation({
  name: "unmute",
  summary: "Hear a member again; what it wrote meanwhile stays done",
  scope: "owner",
  request: unmuteRequest,
  answer: struct("heard again", { unmuted: documented("how many mutes ended", count) }, { required: ["unmuted"] }),
});

/** Those that hold now, by key. */
export const mutes = operation({
  name: "mutes",
  summary: "Whose words are kept from this node's agent",
  onlyLooks: true,
  scope: "agent",
  request: nothing,
  answer: struct("mutes", { mutes: plainList(muteRow, AGENT_STORE_LIMITS.mutes) }, { required: ["mutes"] }),
  answerMax: AGENT_STORE_LIMITS.mutes * (512 + 6 * SHOWN_NAME_BYTES),
});

const ruleRequest = struct(
  "what wakes",
  {
    group_id: theGroup,
    deliver: documented(
      "mentions (the default): what names this node or answers it; all; allow-list: all of the members of from; none. Absent: nothing is changed",
      optional(oneOf("deliver", DELIVER_MODES)),
    ),
    from: documented(
      "only words of these members wake; absent or empty: of every member",
      optional(plainList(memberText, AGENT_STORE_LIMITS.allowed)),
    ),
  },
  { required: ["group_id"] },
);

const ruleAnswer = struct(
  "what wakes",
  {
    group_id: groupId,
    deliver: oneOf("deliver", DELIVER_MODES),
    from: documented("their keys", shortList(memberKey, AGENT_STORE_LIMITS.allowed)),
  },
  { required: ["group_id", "deliver"] },
);

/** For what comes from then on. Throws `group_not_found`, `not_found`, `invalid_argument`. */
export const deliver_rule = operation({
  name: "deliver_rule",
  summary: "Which messages of a moot wake this node's agent, told or changed",
  scope: "owner",
  request: ruleRequest,
  answer: ruleAnswer,
  requestMax: 2 * 1024 * 1024,
  answerMax: 128 * 1024,
});

/** What only looks; see `READ_OPERATIONS`. */
export const INBOX_READING = { inbox, thread, message_find, mutes };

export const INBOX_OPERATIONS = {
  ...INBOX_READING,
  inbox_read,
  answer_wait,
  inbox_ack,
  reply,
  mute,
  unmute,
  deliver_rule,
};
