import { type Decoded, documented, omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, messageId, u32 } from "../../core/json/json-scalars.ts";
import { PRESENCE_HOST_BYTES_MAX, RECEIPT_STATES } from "../../core/record/note-bodies.ts";
import { boundedBytes, clippedText, count, instantMs, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { jsonTextMax, moreRows, type Room } from "./fitting-rows.ts";
import { operation } from "./operation.ts";
import { groupOrAll, memberKey } from "./shapes.ts";

/** Ours. What a row shows of a message: enough to know it again. */
export const RECEIPT_CONTENT_BYTES = 256;
/** Ours. Members shown of those that one message asked; it can name some two hundred. */
export const READERS_MAX = 256;
/** Ours. Messages of one answer; the latest come first. */
export const RECEIPTS_MAX = 200;
/** Ours. What a member calls itself, cut here. */
const HOSTNAME_BYTES = 256;

/** `none`: nothing is known of it there. `nobody`: it is there, and no agent is woken; its inbox may be read all the same. */
export const SHOWN_STATES = ["none", "nobody", ...RECEIPT_STATES] as const;

export const shownState = oneOf(
  "state",
  SHOWN_STATES as unknown as readonly ["none", ...(typeof SHOWN_STATES)[number][]],
);

/** What is known of one message at one member that it asked. */
export const receiptOf = struct(
  "receipt",
  {
    node_id: u32,
    entmoot_pubkey: memberKey,
    hostname: documented("how it wants to be shown; empty for nothing", clippedText("hostname", HOSTNAME_BYTES)),
    state: documented(
      "none: nothing is known; nobody: it is there, and no agent is woken; else what the member itself says, see docs/receipts.md",
      shownState,
    ),
    since_ms: documented("since when, by the member's clock, Unix milliseconds", omitted(instantMs)),
    arrived_ms: documented("when it came there; absent: not known, as for the others", omitted(instantMs)),
    delivered_ms: omitted(instantMs),
    read_ms: omitted(instantMs),
    done_ms: documented("when it was answered or acknowledged", omitted(instantMs)),
  },
  { required: ["node_id", "entmoot_pubkey", "state"] },
);

export type ShownReceipt = Decoded<typeof receiptOf>;
export type ShownState = ShownReceipt["state"];

const receiptsRow = struct(
  "message that asked",
  {
    group_id: groupId,
    message_id: messageId,
    timestamp_ms: i64,
    content: documented(
      `its first ${RECEIPT_CONTENT_BYTES} bytes`,
      boundedBytes("content", { min: 0, max: RECEIPT_CONTENT_BYTES }),
    ),
    content_bytes: documented("how many there are", count),
    readers: documented("those it asked, by node id", plainList(receiptOf, READERS_MAX)),
  },
  { required: ["group_id", "message_id", "timestamp_ms", "content", "readers"] },
);

export type ReceiptsRow = Decoded<typeof receiptsRow>;

/** Ours. As the rows of an inbox. */
const ROWS_BYTES_MAX = 2 * 1024 * 1024;
/** Ours. What a row, and a reader in it, takes beside its texts. */
const ROW_BYTES = 512;

/** The most that receipts take in an answer. */
export function receiptsBytes(readers: readonly ShownReceipt[]): number {
  return readers.reduce((sum, { hostname }) => sum + ROW_BYTES + jsonTextMax(hostname, HOSTNAME_BYTES), 0);
}

/** Room for the rows of `receipts`. */
export const RECEIPTS_ROOM: Room<ReceiptsRow> = {
  rowsMax: RECEIPTS_MAX,
  answerMax: ROWS_BYTES_MAX,
  bytesOf: ({ readers }) => ROW_BYTES + 2 * RECEIPT_CONTENT_BYTES + receiptsBytes(readers),
};

const receiptsRequest = struct("receipts asked for", {
  group_id: groupOrAll,
  message_id: documented("only this message of this node", optional(messageId)),
  limit: documented(`1 to ${RECEIPTS_MAX}; absent: 20`, optional(count)),
});

const receiptsAnswer = struct(
  "receipts",
  { rows: documented("the latest first", plainList(receiptsRow, RECEIPTS_MAX)), more: moreRows },
  { required: ["rows", "more"] },
);

/** Throws `group_not_found`, `not_found`, `invalid_argument` for a message that is not this node's, `identity_invalid`. */
export const receipts = operation({
  name: "receipts",
  summary: "What became of this node's messages at those they asked, as far as they say so",
  onlyLooks: true,
  scope: "agent",
  request: receiptsRequest,
  answer: receiptsAnswer,
  answerMax: ROWS_BYTES_MAX,
});

const settingsRequest = struct("what is told", {
  send: documented("whether this node tells what became of messages that asked it; absent: as before", optional(bool)),
  presence: documented("whether it tells if anything listens", optional(bool)),
  show_host: documented("whether it tells the name of the program that listens", optional(bool)),
  group_id: documented("with moot_receipts and moot_presence: the moot, which this node founded", optional(groupId)),
  moot_receipts: documented("whether members of the moot tell receipts at all; founder only", optional(bool)),
  moot_presence: documented("whether they tell who listens; founder only", optional(bool)),
});

const mootSettings = struct(
  "moot",
  {
    group_id: groupId,
    receipts: documented("whether its members tell receipts", bool),
    presence: documented("whether they tell who listens", bool),
    public: documented("it is public, where neither is told", bool),
    founder: documented("this node may change it", bool),
  },
  { required: ["group_id", "receipts", "presence"] },
);

/** Ours. Moots of one answer, as many as `status` tells of. */
export const SETTINGS_MOOTS_MAX = 8192;

const settingsAnswer = struct(
  "what is told",
  { send: bool, presence: bool, show_host: bool, moots: plainList(mootSettings, SETTINGS_MOOTS_MAX) },
  { required: ["send", "presence", "show_host", "moots"] },
);

/** Durable when it answers; members learn of it soon. Throws `group_not_found`, `invalid_argument`, `not_member` (not the founder), `conflict` (public). */
export const receipt_settings = operation({
  name: "receipt_settings",
  summary: "What this node, and members of a moot it founded, tell of messages that asked and of who listens",
  scope: "owner",
  request: settingsRequest,
  answer: settingsAnswer,
  answerMax: 2 * 1024 * 1024,
});

/** Of a member, beside what else is told of it. */
export const presenceFields = {
  listening: documented(
    "whether anything that can wake its agent listens there; absent: it does not say",
    optional(bool),
  ),
  listening_since_ms: documented("since when, by its clock, Unix milliseconds", omitted(instantMs)),
  not_listening_since_ms: documented("since when nobody has", omitted(instantMs)),
  listening_host: documented(
    "the program that listens; empty where it is not told",
    omitted(clippedText("host", PRESENCE_HOST_BYTES_MAX)),
  ),
};

/** What is read of receipts; see `READ_OPERATIONS`. */
export const RECEIPT_READING = { receipts };

export const RECEIPT_OPERATIONS = { ...RECEIPT_READING, receipt_settings };
