import { sizeText } from "../../core/amounts.ts";
import type { RosterEntryId } from "../../core/ids.ts";
import { type Codec, type Decoded, documented, omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, messageId, rosterEntryId, u32 } from "../../core/json/json-scalars.ts";
import { MESSAGE_MAX_BYTES, MESSAGE_REFERENCES_MAX } from "../../core/kept.ts";
import { PRESENCE_HOST_BYTES_MAX } from "../../core/record/note-bodies.ts";
import { message as messageCodec, nodeInfo } from "../../core/record/record-codecs.ts";
import {
  boundedBytes,
  boundedText,
  clippedText,
  count,
  instantMs,
  oneOf,
  plainList,
  shortList,
} from "../../wire/frame/bounded.ts";
import { TOKEN_BYTES } from "../../wire/peer/redeem-frames.ts";
import { CONSUMER_NAME_MAX } from "./consumers.ts";
import { BODY_MAX, operation } from "./operation.ts";
import { shownState } from "./receipts.ts";
import { groupOrAll, groupOrOnly, memberKey, nothing, places, placeText, topicsAsked } from "./shapes.ts";

/** Ours. Bytes of one topic, topics of one message that is published here. */
export const TOPIC_BYTES_MAX = 1024;
export const TOPICS_MAX = 64;
/** Ours. Messages in one page; fewer when they are large. */
export const PAGE_MESSAGES_MAX = 1000;
/** Ours. How long an answer waits for something to arrive, at most. */
export const WAIT_MAX_MS = 120_000;

/** Ours. Content above it fits in no message, where it is in base64; that much and all else does not either. */
export const CONTENT_MAX_BYTES = (MESSAGE_MAX_BYTES / 4) * 3;
/** Ours. As JSON, a message that is kept, and one that is somewhat too long, so that it is told how long it may be. */
const PUBLISH_MAX_BYTES = 2 * 1024 * 1024;

/** What is said of a message that no member would keep, wherever that is seen; `found`: how large it is. */
export function tooLongText(found: string): string {
  const content = `content counts a third more, so some ${sizeText(CONTENT_MAX_BYTES)} of it fit`;
  return `message: expected at most ${sizeText(MESSAGE_MAX_BYTES)} with all it carries (${content}), got ${found}; send a reference instead`;
}

const publishRequest = struct(
  "publish",
  {
    group_id: groupOrOnly,
    topics: documented(
      `1 to ${TOPICS_MAX}, each of at most 1,024 bytes and without + or # as a whole segment; white space around is left out, and what comes twice counts once`,
      plainList(boundedText("topic", TOPIC_BYTES_MAX), TOPICS_MAX),
    ),
    content: documented(
      `the body, not empty; of a message of at most ${sizeText(MESSAGE_MAX_BYTES)} with all it carries, content counts a third more`,
      boundedBytes("content", { min: 0, max: Number.MAX_SAFE_INTEGER }),
    ),
    references: documented(
      `ids of messages that it answers or is about, at most ${MESSAGE_REFERENCES_MAX}`,
      optional(plainList(messageId, MESSAGE_REFERENCES_MAX)),
    ),
    token: documented(
      "16 to 64 bytes of your choice: the same message again in the same moot gives the first answer with duplicate and publishes nothing; another message under it is a conflict",
      optional(boundedBytes("token", TOKEN_BYTES)),
    ),
    force: documented("true: an agent publishes it although it looks as if it held a secret", optional(bool)),
    verbatim: documented(
      "true: content may be empty and topics keep blanks and repetitions, as frames of the original's clients say them",
      optional(bool),
    ),
  },
  { required: ["topics", "content"] },
);

/** Ours. Mentions of one message that are told of, and members of each. */
export const UNMET_MAX = 16;
export const UNMET_IDS_MAX = 8;

const unmetMention = struct(
  "mention that asks nobody",
  {
    mention: documented("the name or node id, without its @", clippedText("mention", 1024)),
    members: documented("how many current members it is of: 0, or more than one", count),
    node_ids: documented("of the first of them", plainList(u32, UNMET_IDS_MAX)),
  },
  { required: ["mention", "members", "node_ids"] },
);

export type UnmetMention = Decoded<typeof unmetMention>;

export const published = struct(
  "published",
  {
    group_id: groupId,
    message_id: messageId,
    author: nodeInfo,
    timestamp_ms: i64,
    duplicate: documented("true: it was published before, under this token", optional(bool)),
    behind_ms: documented(
      "how far this machine's clock is behind the other members', where that is more than five minutes: they see the message as that much older",
      optional(count),
    ),
    unmet_mentions: documented(
      "whom it names and does not ask: a name or id that no member has, or a name that several have; absent: none",
      optional(plainList(unmetMention, UNMET_MAX)),
    ),
  },
  { required: ["group_id", "message_id", "author", "timestamp_ms"] },
);

export type Published = Decoded<typeof published>;

/**
 * Durable when it answers; spreading is not awaited. Throws `group_not_found`, `not_member`, `invalid_argument`,
 * `rate_limited`, `conflict` (a token used for another message), `disk_full`, `unavailable` (the clock here is so far behind that
 * nobody would keep it), and for an agent `forbidden` on topics under `_entmoot` and for a text that looks as if it held a secret.
 */
export const publish = operation({
  name: "publish",
  summary: "Sign a message as this node and publish it; it is on disk when the answer comes",
  scope: "agent",
  request: publishRequest,
  answer: published,
  requestMax: PUBLISH_MAX_BYTES,
});

const signedMessage = struct("signed message", { message: messageCodec }, { required: ["message"] });

/**
 * Takes in a message that its author signed elsewhere, as if a peer had sent it. One held already answers alike.
 * Throws `group_not_found`, `not_member` (author not in the roster, or signed by a former key of it), `signature_invalid`, `invalid_argument`, `rate_limited`.
 */
export const publish_signed = operation({
  name: "publish_signed",
  summary: "Publish a message that its author signed elsewhere",
  scope: "owner",
  request: signedMessage,
  answer: published,
  requestMax: BODY_MAX,
});

/** A message with its place in the delivery log of this node. */
export const messageRowFields = {
  group_id: groupId,
  seq: documented("its number in this node's log of the moot, from 1; 0: it is apart", count),
  place: documented("to go on after it; empty: it is apart", placeText),
  message: messageCodec,
  apart: documented(
    "why it is in no log and told nobody as new: its author had been removed when it came; absent: it is in the log",
    optional(oneOf("apart", ["removed"])),
  ),
  arrived_ms: documented(
    "when it came, where its own date lay more than five minutes ahead then: by time it stands there",
    optional(i64),
  ),
} as const;

export const messageRow = struct("message row", messageRowFields, {
  required: ["group_id", "seq", "place", "message"],
});

export type MessageRow = Decoded<typeof messageRow>;

const oneMessage = struct(
  "message named",
  { group_id: groupOrOnly, message_id: messageId },
  { required: ["message_id"] },
);

/** Throws `group_not_found`, `not_found`. */
export const message = operation({
  name: "message",
  summary: "One message by its id",
  onlyLooks: true,
  scope: "agent",
  request: oneMessage,
  answer: messageRow,
  answerMax: BODY_MAX,
});

const messagesRequest = struct("messages asked for", {
  group_id: groupOrOnly,
  ...topicsAsked,
  author: documented("only those of this node id", optional(u32)),
  since: documented("from this time on as by: time has it, Unix milliseconds", optional(i64)),
  until: documented("before this time as by: time has it, Unix milliseconds", optional(i64)),
  by: documented(
    "time (the default): by timestamp, or arrived_ms where there is one, author and id; arrival: as they came to this node",
    optional(oneOf("by", ["time", "arrival"])),
  ),
  order: documented("desc is the default; by arrival always asc", optional(oneOf("order", ["desc", "asc"]))),
  after: documented("by arrival: only what came after this place", optional(placeText)),
  page: documented("by time: go on where an answer's next says", optional(boundedText("page", 256))),
  limit: documented("1 to 1,000; absent: 50", optional(count)),
  wait_ms: documented(
    "by arrival: while there is none, wait up to so long for one; at most two minutes",
    optional(count),
  ),
});

const messagesPage = struct(
  "messages",
  {
    messages: plainList(messageRow, PAGE_MESSAGES_MAX),
    next: documented(
      "by time: hand it back as page for what follows; absent at the end",
      optional(boundedText("page", 256)),
    ),
    place: documented("by arrival: hand it back as after for what follows, now or later", optional(placeText)),
    more: documented(
      "whether to go on: more is there now, of which some may match; a page may be empty before it",
      bool,
    ),
  },
  { required: ["messages"] },
);

export type MessagesPage = Decoded<typeof messagesPage>;

/** Throws `group_not_found`, `invalid_argument`, `place_lost` for a place that this log does not have. */
export const messages = operation({
  name: "messages",
  summary: "Messages of a moot that are held here, by time or as they arrived, a page at a time",
  onlyLooks: true,
  scope: "agent",
  request: messagesRequest,
  answer: messagesPage,
  answerMax: BODY_MAX,
  patienceMs: WAIT_MAX_MS + 30_000,
});

/** A number, or everything. */
const last: Codec<number | "all"> = {
  label: "count or all",
  schema: () => ({ anyOf: [{ type: "integer", minimum: 0 }, { const: "all" }] }),
  zero: () => 0,
  read(reader) {
    const word = reader.readString();
    if (word === "all") return word;
    if (word !== undefined) reader.fail("all or a number", JSON.stringify(word.slice(0, 40)));
    return count.read(reader, 0);
  },
  check: (value, place) => (value === "all" ? undefined : count.check!(value, place)),
  write: (value) => (typeof value === "number" ? String(value) : `"${value}"`),
};

const backlogRequest = struct(
  "backlog asked for",
  {
    group_id: groupOrAll,
    ...topicsAsked,
    last: documented("so many latest ones, or all", last),
    after: documented(
      "with last 0: all that arrived after these places, one for each moot, each log in its own order",
      optional(places),
    ),
  },
  { required: ["last"] },
);

/** Ours. Moots that cannot be read, told with the reason; a root with more wants its log read. */
export const UNREAD_MAX = 256;

export const unreadMoot = struct(
  "unread moot",
  { group_id: groupId, reason: documented("names the moot and says what is wrong", clippedText("reason", 4096)) },
  { required: ["group_id", "reason"] },
);

export type UnreadMoot = Decoded<typeof unreadMoot>;

const backlogEnd = struct(
  "end of a backlog",
  {
    places: documented("where each moot's log stood: what came later is not in it", places),
    unread: documented(
      "moots that could not be read, or not to the end, where none was asked for",
      shortList(unreadMoot, UNREAD_MAX),
    ),
  },
  { required: ["places"] },
);

/** The latest messages of all moots in time order, each moot's in its own order. Throws `group_not_found`, `invalid_argument`. */
export const backlog = operation({
  name: "backlog",
  summary: "The latest messages held, oldest first, and the places from which to watch what comes next",
  onlyLooks: true,
  scope: "agent",
  request: backlogRequest,
  event: messageRow,
  answer: backlogEnd,
  answerMax: 1024 * 1024,
  eventMax: BODY_MAX,
  patienceMs: "endless",
});

const watchRequest = struct("watch", {
  group_id: documented("only this moot; absent: all, also those joined later", optional(groupId)),
  ...topicsAsked,
  after: documented(
    "go on after these, one for each moot, and from the first message of a moot that is not named; absent: only what arrives from now on",
    optional(places),
  ),
  unread: documented(
    "moots that could not be read when after was told: once they can be, only what arrives from then on",
    optional(plainList(groupId, UNREAD_MAX)),
  ),
  consumer: documented(
    "go on where this consumer is, in moots that after does not name",
    optional(boundedText("consumer", CONSUMER_NAME_MAX)),
  ),
  peers: documented(
    "also tell of members who come, go, connect and are lost; not for agents. That this node itself was removed is told in any case",
    optional(bool),
  ),
  receipts: documented(
    "also tell what becomes of this node's messages at those they asked, as it is heard of",
    optional(bool),
  ),
  presence: documented("also tell of members at whom an agent begins or ceases to listen", optional(bool)),
  members: documented(
    "also tell of members who are added, leave, are removed, or get another key; for agents too",
    optional(bool),
  ),
});

/** What a watcher is told. */
export interface WatchedMessage extends MessageRow {
  readonly kind: "message";
}

export interface WatchedPeer {
  readonly kind: "peer";
  readonly group_id: GroupIdOf;
  readonly node_id: number;
  readonly entmoot_pubkey: Uint8Array;
  readonly event: "connected" | "lost" | "joined" | "left" | "leaves";
  readonly route: "direct" | "relay" | "none";
  /** It is this node itself that came or was removed; the latter is told to every watcher. */
  readonly self?: boolean | undefined;
  /** Of one that joined or left: the roster entry that made it so. */
  readonly entry_id?: RosterEntryId | undefined;
  /** Of one that joined: the key that its node id had until then. */
  readonly replaces?: Uint8Array | undefined;
}

type GroupIdOf = MessageRow["group_id"];
/** A moot that cannot be read just now, told once; the others go on, and it does once it can be read. */
export interface WatchedUnread extends UnreadMoot {
  readonly kind: "unread";
}

/** What a member says of a message of this node. */
export interface WatchedReceipt extends Decoded<typeof watchedReceipt> {
  readonly kind: "receipt";
}

/** Somebody began or ceased to listen at a member. */
export interface WatchedPresence extends Decoded<typeof watchedPresence> {
  readonly kind: "presence";
}

export type WatchEvent = WatchedMessage | WatchedPeer | WatchedUnread | WatchedReceipt | WatchedPresence;

const watchedReceipt = struct(
  "receipt event",
  {
    group_id: groupId,
    message_id: messageId,
    node_id: u32,
    entmoot_pubkey: memberKey,
    state: shownState,
    since_ms: documented("since when, by the member's clock, Unix milliseconds", omitted(instantMs)),
  },
  { required: ["group_id", "message_id", "node_id", "state"] },
);

const watchedPresence = struct(
  "presence event",
  {
    group_id: groupId,
    node_id: u32,
    entmoot_pubkey: memberKey,
    listening: bool,
    since_ms: documented("since when, by the member's clock, Unix milliseconds", omitted(instantMs)),
    host: documented(
      "the program that listens; empty where it is not told",
      clippedText("host", PRESENCE_HOST_BYTES_MAX),
    ),
  },
  { required: ["group_id", "node_id", "listening"] },
);

const watchedPeer = struct(
  "peer event",
  {
    group_id: groupId,
    node_id: u32,
    entmoot_pubkey: memberKey,
    event: documented(
      "joined: the founder added it; leaves: it says that it has left; left: the founder removed it",
      oneOf("event", ["connected", "lost", "joined", "left", "leaves"]),
    ),
    route: oneOf("route", ["none", "direct", "relay"]),
    self: documented("true: this node itself came (it may have made the moot) or was removed", optional(bool)),
    entry_id: documented("joined, left: the roster entry that made it so", optional(rosterEntryId)),
    replaces: documented("joined: the key its node id had until then", optional(memberKey)),
  },
  { required: ["group_id", "node_id", "event"] },
);

const eitherEvent = struct("watch event", {
  message: optional(messageRow),
  peer: optional(watchedPeer),
  unread: optional(unreadMoot),
  receipt: optional(watchedReceipt),
  presence: optional(watchedPresence),
});

/** One of the keys, which says what it is. */
const watchEvent: Codec<WatchEvent> = {
  label: "watch event",
  schema: () => eitherEvent.schema!(),
  zero: () => ({ kind: "peer", ...watchedPeer.zero() }),
  read(reader) {
    const { message: row, peer, presence, receipt, unread } = eitherEvent.read(reader, eitherEvent.zero());
    if (row !== undefined) return { kind: "message", ...row };
    if (unread !== undefined) return { kind: "unread", ...unread };
    if (receipt !== undefined) return { kind: "receipt", ...receipt };
    if (presence !== undefined) return { kind: "presence", ...presence };
    return peer === undefined ? reader.fail("a message, a peer or an unread moot", "none") : { kind: "peer", ...peer };
  },
  write: (event, form) =>
    eitherEvent.write(
      {
        message: event.kind === "message" ? event : undefined,
        peer:
          event.kind === "peer" ? { self: undefined, entry_id: undefined, replaces: undefined, ...event } : undefined,
        unread: event.kind === "unread" ? event : undefined,
        receipt: event.kind === "receipt" ? event : undefined,
        presence: event.kind === "presence" ? event : undefined,
      },
      form,
    ),
};

/**
 * Each message once, in the order of arrival, until the caller ends it or the node does. A slow reader only reads
 * later. Throws `group_not_found`, `invalid_argument`, `place_lost`, `not_member` once all is told that is held of the
 * only moot that is watched, and for an agent `forbidden` on `peers`.
 */
export const watch = operation({
  name: "watch",
  summary: "Messages as they arrive, each exactly once, from any place of the log on",
  onlyLooks: true,
  scope: "agent",
  request: watchRequest,
  event: watchEvent,
  answer: nothing,
  requestMax: 512 * 1024,
  eventMax: BODY_MAX,
  patienceMs: "endless",
  needsDaemon: true,
});

export const MESSAGE_OPERATIONS = { publish, publish_signed, message, messages, backlog, watch };
