import type { GroupId } from "../../core/ids.ts";
import { type Codec, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, u32 } from "../../core/json/json-scalars.ts";
import { message } from "../../core/record/record-codecs.ts";
import type { Message } from "../../core/record/records.ts";
import { boundedBytes, boundedText, count, oneOf, plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. One for each group. */
export const WATCH_CURSORS_MAX = 8192;

/** Wire. A topic fills at most a frame's small cap; patterns need far less. */
const TOPIC_BYTES_MAX = 4096;

/** Where an earlier watch of a group stopped. */
export interface WatchCursor {
  readonly group_id: GroupId;
  /** The last delivered. */
  readonly seq: number;
}

/** Asks for messages, each exactly once, until the client closes. */
export interface WatchReq {
  readonly kind: "watch_req";
  /** `undefined`: all groups, also those joined later. */
  readonly group_id: GroupId | undefined;
  readonly topic: string;
  /** Only what arrives, everything held first, or the last so many first. */
  readonly from: "now" | "all" | number;
  /** When given, `from` counts for nothing: each group goes on after its `seq`, others from their first message. */
  readonly after: readonly WatchCursor[] | undefined;
  /** Also send `watch_peer`. */
  readonly peers: boolean;
}

export interface WatchMessage {
  readonly kind: "watch_message";
  readonly group_id: GroupId;
  /** Place in the group's delivery log on this node. */
  readonly seq: number;
  readonly message: Message;
}

export interface WatchPeer {
  readonly kind: "watch_peer";
  readonly group_id: GroupId;
  readonly node_id: number;
  readonly entmoot_pubkey: Uint8Array;
  readonly event: "connected" | "lost" | "joined" | "left";
  readonly route: "direct" | "relay" | "none";
}

const from: Codec<"now" | "all" | number> = {
  label: "start",
  zero: () => "now",
  read(reader) {
    const word = reader.takeString();
    if (word === "now" || word === "all") return word;
    if (word !== undefined) reader.fail("now, all or a number", JSON.stringify(word.slice(0, 40)));
    return count.read(reader, 0);
  },
  write: (value) => (typeof value === "number" ? String(value) : `"${value}"`),
};

const cursor = struct<WatchCursor>("cursor", { group_id: groupId, seq: count }, { required: ["group_id", "seq"] });

export const watchReqBody: FrameBody<WatchReq> = jsonBody(
  "watch_req",
  struct<Omit<WatchReq, "kind">>("watch_req", {
    group_id: optional(groupId),
    topic: boundedText("topic", TOPIC_BYTES_MAX),
    from,
    after: optional(plainList(cursor, WATCH_CURSORS_MAX)),
    peers: bool,
  }),
);

export const watchMessageBody: FrameBody<WatchMessage> = jsonBody(
  "watch_message",
  struct<Omit<WatchMessage, "kind">>(
    "watch_message",
    { group_id: groupId, seq: count, message },
    { required: ["group_id", "seq", "message"] },
  ),
);

export const watchPeerBody: FrameBody<WatchPeer> = jsonBody(
  "watch_peer",
  struct<Omit<WatchPeer, "kind">>(
    "watch_peer",
    {
      group_id: groupId,
      node_id: u32,
      entmoot_pubkey: boundedBytes("public key", { min: 0, max: 1024 }),
      event: oneOf("event", ["connected", "lost", "joined", "left"]),
      route: oneOf("route", ["none", "direct", "relay"]),
    },
    { required: ["group_id", "node_id", "event"] },
  ),
);
