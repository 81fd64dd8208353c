import { type Decoded, documented, omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, rawJson, rosterEntryId, u32 } from "../../core/json/json-scalars.ts";
import { ABOUT_MAX } from "../../core/record/about.ts";
import { boundedText, clippedText, count, instantMs, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { jsonTextMax, moreRows, type Room } from "./fitting-rows.ts";
import { WAIT_MAX_MS } from "./messages.ts";
import { BODY_MAX, operation } from "./operation.ts";
import { groupOrAll, memberKey, theGroup } from "./shapes.ts";

/** Ours. As many moots as a node tells of at all; a page of history is more than a screen or two. */
const MOOTS_MAX = 8192;
export const HISTORY_MAX = 1000;
/** Ours. What a row takes beside its texts. */
const ROW_BYTES = 768;

const tags = plainList(clippedText("tag", ABOUT_MAX.tag), ABOUT_MAX.tags);

const mootRow = struct(
  "own moot",
  {
    group_id: groupId,
    name: documented("what it is called here; empty for nothing", clippedText("name", 1024)),
    description: clippedText("description", ABOUT_MAX.description),
    tags,
    visibility: documented("empty: not known here", clippedText("visibility", 64)),
    members: count,
    messages: count,
    unread: documented(
      "messages in the inbox here, as far as they were counted; absent: nobody reads an inbox of it here",
      optional(count),
    ),
    unread_more: documented("there are more unread", omitted(bool)),
    founder: documented("this node founded it", bool),
    member: documented("this node is a member", bool),
    left_ms: documented(
      "since when this node has left, while its founder has not removed it yet, Unix milliseconds",
      omitted(instantMs),
    ),
    removed_ms: documented("when the founder removed this node, Unix milliseconds; absent: it did not", optional(i64)),
    policy: documented("the preset with the same limits, or custom, or none", clippedText("policy", 64)),
    retention_days: documented("how long messages are kept; absent: all of them for good", optional(i64)),
  },
  { required: ["group_id", "members", "messages"] },
);

export type OwnMoot = Decoded<typeof mootRow>;

const closedMoot = struct(
  "moot that cannot be opened",
  {
    group_id: groupId,
    name: documented("as it was called; empty: not known", clippedText("name", 1024)),
    reason: clippedText("reason", 1024),
  },
  { required: ["group_id"] },
);

const ownMoots = struct(
  "own moots",
  { moots: plainList(mootRow, MOOTS_MAX), unopened: plainList(closedMoot, MOOTS_MAX), more: moreRows },
  { required: ["moots"] },
);

/** Throws `group_not_found`. */
export const moots = operation({
  name: "moots",
  summary: "The moots of this node: names, members, what is unread, how long messages are kept",
  onlyLooks: true,
  scope: "agent",
  request: struct("moots asked for", { group_id: groupOrAll }),
  answer: ownMoots,
  answerMax: BODY_MAX,
});

/** Room for the rows of `moots`. */
export const MOOTS_ROOM: Room<OwnMoot> = {
  rowsMax: MOOTS_MAX,
  // The rest is for those that cannot be opened.
  answerMax: BODY_MAX - 4 * 1024 * 1024,
  bytesOf: ({ description, name, tags: words }) =>
    ROW_BYTES +
    jsonTextMax(name, 1024) +
    jsonTextMax(description, ABOUT_MAX.description) +
    words.reduce((bytes, tag) => bytes + 3 + jsonTextMax(tag, ABOUT_MAX.tag), 0),
};

const mootUpdate = struct(
  "moot update",
  {
    group_id: theGroup,
    name: documented("absent: as it is", optional(boundedText("name", ABOUT_MAX.name))),
    description: documented(
      "absent: as it is; empty: none",
      optional(boundedText("description", ABOUT_MAX.description)),
    ),
    tags: documented(
      "in place of those it has; absent: as they are",
      optional(plainList(boundedText("tag", ABOUT_MAX.tag), ABOUT_MAX.tags)),
    ),
  },
  { required: ["group_id"] },
);

const mootUpdated = struct(
  "moot updated",
  {
    group_id: groupId,
    name: clippedText("name", 1024),
    description: clippedText("description", ABOUT_MAX.description),
    tags,
    changed: documented("false: it was so already, and nothing was told", bool),
  },
  { required: ["group_id", "name"] },
);

/** Told to all members. Throws `group_not_found`, `not_member` (not the founder), `invalid_argument`, `unavailable`. */
export const moot_update = operation({
  name: "moot_update",
  summary: "Give a moot another name, description or tags, for all its members; founder only",
  scope: "owner",
  request: mootUpdate,
  answer: mootUpdated,
});

const leaveRequest = struct(
  "moot left",
  {
    group_id: theGroup,
    wait_ms: documented(
      "wait up to so long until a member has the record; at most two minutes; absent: five seconds",
      optional(count),
    ),
  },
  { required: ["group_id"] },
);

const leaveAnswer = struct(
  "moot left",
  {
    group_id: groupId,
    left_ms: documented("when this node left, Unix milliseconds", instantMs),
    told: documented("how many members that are connected say that they hold the record", count),
    removed: documented("the founder has removed this node by now", bool),
  },
  { required: ["group_id", "left_ms", "told", "removed"] },
);

export type MootLeft = Decoded<typeof leaveAnswer>;

/** Durable on return; again it only tells how it stands. Throws `group_not_found`, `not_member`, `conflict` for a founder. */
export const moot_leave = operation({
  name: "moot_leave",
  summary: "Leave a moot by a signed record: the others see it, and the founder removes this node",
  scope: "owner",
  request: leaveRequest,
  answer: leaveAnswer,
  patienceMs: WAIT_MAX_MS + 30_000,
});

const forgetRequest = struct(
  "moot forgotten",
  {
    group_id: theGroup,
    keep: documented("false: nothing of it is kept; absent: a copy is set aside", optional(bool)),
    force: documented(
      "true: forget it although this node is a member that nobody knows has left, or its founder, whom nobody can replace",
      optional(bool),
    ),
  },
  { required: ["group_id"] },
);

const forgotten = struct(
  "forgotten moot",
  {
    group_id: groupId,
    kept_at: documented("where the copy is; absent: none was kept", optional(clippedText("path", 16_384))),
    links_ended: documented("links of this node into it that nobody can use any more", count),
  },
  { required: ["group_id"] },
);

export type MootForgotten = Decoded<typeof forgotten>;

/** Throws `group_not_found`, `conflict` for a member that nobody knows has left and for a founder, unless `force`. */
export const moot_forget = operation({
  name: "moot_forget",
  summary: "Take a moot off this node; a copy is set aside unless told otherwise",
  scope: "owner",
  request: forgetRequest,
  answer: forgotten,
  answerMax: 256 * 1024,
  patienceMs: 300_000,
});

const historyRequest = struct(
  "roster history asked for",
  {
    group_id: theGroup,
    before: documented("only entries with a smaller number; absent: from the latest on", optional(count)),
    limit: documented(`1 to ${HISTORY_MAX}; absent: 100`, optional(count)),
  },
  { required: ["group_id"] },
);

const historyRow = struct(
  "roster history row",
  {
    number: documented("its place in the roster; the first is 0", count),
    entry_id: rosterEntryId,
    op: oneOf("op", ["add", "remove", "policy_change"]),
    node_id: documented("whom it is about; absent: nobody", omitted(u32)),
    entmoot_pubkey: memberKey,
    hostname: documented("how that member calls itself now; empty for nothing", clippedText("hostname", 1024)),
    by_node_id: documented("who signed it", u32),
    at_ms: documented("the founder's clock, Unix milliseconds", i64),
    member: documented("it is what makes that key a member now", omitted(bool)),
    left_ms: documented(
      "of remove: when that member had left by itself before, its own clock, Unix milliseconds; absent: it had not, or nobody heard here",
      omitted(instantMs),
    ),
  },
  { required: ["number", "entry_id", "op", "by_node_id", "at_ms"] },
);

export type HistoryRow = Decoded<typeof historyRow>;

const history = struct(
  "roster history",
  {
    group_id: groupId,
    entries: plainList(historyRow, HISTORY_MAX),
    next: documented("hand it back as before for what follows; absent at the end", optional(count)),
  },
  { required: ["group_id", "entries"] },
);

/** The latest first. Throws `group_not_found`, `invalid_argument`. */
export const roster_history = operation({
  name: "roster_history",
  summary: "Who was added to a moot, removed, or given another key, when and by whom, the latest first",
  onlyLooks: true,
  scope: "agent",
  request: historyRequest,
  answer: history,
  answerMax: 8 * 1024 * 1024,
});

const summaryRow = struct(
  "moot summary",
  {
    group_id: groupId,
    members: count,
    roster_head: rosterEntryId,
    metadata: documented("what is known here for display, as a JSON object", rawJson),
  },
  { required: ["group_id", "members", "roster_head"] },
);

const summaries = struct(
  "moot summaries",
  { summaries: plainList(summaryRow, MOOTS_MAX), more: moreRows },
  { required: ["summaries"] },
);

export type MootSummary = Decoded<typeof summaryRow>;

/** Moots that cannot be read are left out, unless one is named. Throws `group_not_found`. */
export const moot_summaries = operation({
  name: "moot_summaries",
  summary: "The moots of a data root by roster and display metadata, with or without a node",
  onlyLooks: true,
  scope: "agent",
  request: struct("moots asked for", { group_id: groupOrAll }),
  answer: summaries,
  answerMax: 8 * 1024 * 1024,
});

/** Room for the rows of `moot_summaries`. */
export const SUMMARIES_ROOM: Room<MootSummary> = {
  rowsMax: MOOTS_MAX,
  answerMax: 8 * 1024 * 1024,
  bytesOf: ({ metadata = "" }) => ROW_BYTES + jsonTextMax(metadata, Number.MAX_SAFE_INTEGER),
};

export const MEMBERSHIP_OPERATIONS = { moots, moot_summaries, moot_update, moot_leave, moot_forget, roster_history };
