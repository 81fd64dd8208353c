import { URL_CHARS_MAX } from "../../core/bytes/textual-url.ts";
import { type Decoded, documented, omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, publicKey, rawJson, rosterEntryId, u32 } from "../../core/json/json-scalars.ts";
import { PATTERN_BYTES_MAX, RESERVED_ROOT } from "../../core/policy/topic.ts";
import { PRESENCE_HOST_BYTES_MAX } from "../../core/record/note-bodies.ts";
import { invite, nodeInfo } from "../../core/record/record-codecs.ts";
import { LINKS_MAX } from "../../store/store-limits.ts";
import { boundedText, clippedText, count, instantMs, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { GROUP_NAME_BYTES_MAX } from "../../wire/peer/redeem-frames.ts";
import { jsonTextMax, moreRows, type Room } from "./fitting-rows.ts";
import { createdLink, linkRow } from "./invites.ts";
import { BODY_MAX, operation } from "./operation.ts";
import { issuedOpenInvite } from "./public.ts";
import { presenceFields } from "./receipts.ts";
import { memberKey, ofGroup, rosterState, theGroup } from "./shapes.ts";

/** Ours. Rows of one answer; a roster that its founder made larger is told so far. */
export const MEMBERS_MAX = 16_384;
/** Ours. A page of text, which is more than anybody reads before joining. */
const DESCRIPTION_BYTES_MAX = 4096;
/** Ours. A word or two in any script; as many as anybody reads. */
const TAG_BYTES_MAX = 256;
export const TAGS_MAX = 32;
/** Ours. Topics of one answer: those used most come first, and who wants more names a pattern. */
export const TOPICS_MAX = 1000;
/** Ours. Bytes of a hostname and of why a peer could not be reached; what is longer is cut. */
const HOSTNAME_BYTES_MAX = 1024;
export const ERROR_BYTES_MAX = 4096;
const REFUSED_FOR_BYTES_MAX = 64;
/** Ours. An address a peer says it has, and how many it has. */
const HINT_BYTES_MAX = 1024;
const HINTS_MAX = 64;
/** Ours. What a row takes beside its texts: keys, a public key, numbers and words. */
export const ROW_BYTES = 768;

const newMoot = struct(
  "new moot",
  {
    name: documented(`display name, at most ${GROUP_NAME_BYTES_MAX} bytes`, boundedText("name", GROUP_NAME_BYTES_MAX)),
    description: optional(boundedText("description", DESCRIPTION_BYTES_MAX)),
    tags: optional(plainList(boundedText("tag", TAG_BYTES_MAX), TAGS_MAX)),
    visibility: oneOf("visibility", ["private", "unlisted", "public"]),
    join_mode: documented(
      "open_invite also makes a link without limits",
      oneOf("join mode", ["invite_only", "open_invite"]),
    ),
    policy_source: documented("as it was given, for output", optional(boundedText("policy source", 16_384))),
    policy: documented("a policy as a JSON object; absent: no limits", optional(rawJson)),
    issuer_url: documented(
      "with open_invite: the HTTPS address its invite is redeemed at; absent: a link redeemed with this node directly",
      optional(boundedText("url", URL_CHARS_MAX)),
    ),
  },
  { required: ["name", "visibility", "join_mode"] },
);

const createdMoot = struct(
  "created moot",
  {
    group_id: groupId,
    founder: nodeInfo,
    open_invite: documented("the link of an open moot without issuer_url", optional(createdLink)),
    https_invite: documented("the open invite of one with issuer_url", optional(issuedOpenInvite)),
    same_name: documented("how many other moots here have that name; absent: none", optional(count)),
  },
  { required: ["group_id", "founder"] },
);

export type CreatedMoot = Decoded<typeof createdMoot>;

/** Throws `invalid_argument`. */
export const group_create = operation({
  name: "group_create",
  summary: "Found a moot with this node as its founder",
  scope: "owner",
  request: newMoot,
  answer: createdMoot,
  requestMax: 256 * 1024,
});

const rosterChange = struct(
  "roster change",
  {
    group_id: theGroup,
    op: oneOf("op", ["add", "remove"]),
    node_id: documented("absent: the id the key has in the roster or, to add, its own", optional(u32)),
    entmoot_pubkey: documented("the member's key", publicKey),
    alone: documented(
      "go on although this copy may be an old one and no member was met: if there is a later roster anywhere, the moot parts for good; or although members say that the clock here runs ahead",
      optional(bool),
    ),
    revoke_links: documented(
      "with remove: end every link that would let whoever has that key in again, under another one",
      optional(bool),
    ),
  },
  { required: ["group_id", "op", "entmoot_pubkey"] },
);

const rosterChanged = struct(
  "roster changed",
  {
    group_id: groupId,
    entry_id: rosterEntryId,
    subject: nodeInfo,
    members: count,
    links: documented(
      "after remove: those that anybody who has them can join by, or could until this ended them",
      optional(plainList(linkRow, LINKS_MAX)),
    ),
  },
  { required: ["group_id", "entry_id", "subject", "members"] },
);

export type RosterChanged = Decoded<typeof rosterChanged>;

/**
 * Throws `group_not_found`, `not_member` (not the founder, or nobody to remove), `conflict` (also while the roster has
 * forked), and `unavailable` while this copy may be an old one.
 */
export const roster_change = operation({
  name: "roster_change",
  summary: "Add a key to a moot's roster, or remove a member; founder only",
  scope: "owner",
  request: rosterChange,
  answer: rosterChanged,
  answerMax: 8 * 1024 * 1024,
});

const healRequest = struct(
  "roster heal asked for",
  {
    group_id: theGroup,
    keep: documented("an entry of the history that goes on, such as its head", rosterEntryId),
    dry_run: documented("only say what would be done", optional(bool)),
  },
  { required: ["group_id", "keep"] },
);

const readmission = struct(
  "readmission",
  {
    node_id: u32,
    entmoot_pubkey: memberKey,
    error: documented("why it was not added", optional(clippedText("error", 1024))),
  },
  { required: ["node_id", "entmoot_pubkey"] },
);

const namedMember = struct("named member", { node_id: u32, entmoot_pubkey: memberKey }, { required: ["node_id"] });

/** Ours. Rows of one answer; a founder who has more to admit again asks once more. */
const READMITTED_MAX = 16_384;
const rosterHealed = struct(
  "roster healed",
  {
    group_id: groupId,
    dry_run: bool,
    fork: documented("the last entry that all histories have; absent: there was no fork left", optional(rosterEntryId)),
    kept: rosterEntryId,
    lost: documented("heads of the histories that were given up", plainList(rosterEntryId, READMITTED_MAX)),
    readmitted: documented(
      "whom a lost history had added: they are added again",
      plainList(readmission, READMITTED_MAX),
    ),
    removed_there: documented(
      "whom a lost history had removed: they are members, and may be removed again",
      plainList(namedMember, READMITTED_MAX),
    ),
    roster_head: rosterEntryId,
    members: count,
  },
  { required: ["group_id", "kept", "lost", "readmitted", "roster_head", "members"] },
);

export type RosterHealed = Decoded<typeof rosterHealed>;

/** Throws `group_not_found`, `not_member` (not the founder), `not_found` (no such entry), `conflict` (given up before). */
export const roster_heal = operation({
  name: "roster_heal",
  summary: "End a fork of a moot's roster by keeping one history, and admit again whom the others had; founder only",
  scope: "owner",
  request: healRequest,
  answer: rosterHealed,
  answerMax: 8 * 1024 * 1024,
});

const memberRow = struct(
  "member",
  {
    node_id: u32,
    entmoot_pubkey: memberKey,
    hostname: documented(
      "how the member wants to be shown; empty for nothing",
      clippedText("hostname", HOSTNAME_BYTES_MAX),
    ),
    self: documented("the node's own; absent where no identity tells", optional(bool)),
    founder: bool,
    since_ms: documented("when the founder added it, by the founder's clock, Unix milliseconds", omitted(i64)),
    entry_id: documented("the roster entry that did", optional(rosterEntryId)),
    by_node_id: documented("who signed that entry", omitted(u32)),
    left_ms: documented(
      "since when it says that it has left, by its own clock, Unix milliseconds: its founder removes it; absent: it stays",
      omitted(instantMs),
    ),
    ...presenceFields,
  },
  { required: ["node_id", "entmoot_pubkey"] },
);

const members_ = struct(
  "members",
  { group_id: groupId, members: plainList(memberRow, MEMBERS_MAX), more: moreRows },
  { required: ["group_id", "members"] },
);

export type MemberRow = Decoded<typeof memberRow>;

/** Ours. Some 16,384 rows with names as long as they may be; what does not fit is said to be there. */
const MEMBERS_ANSWER_MAX = 8 * 1024 * 1024;

/** Ascending by node id, the first that fit. Throws `group_not_found`. */
export const members = operation({
  name: "members",
  summary: "Who is in a moot",
  onlyLooks: true,
  scope: "agent",
  request: ofGroup,
  answer: members_,
  answerMax: MEMBERS_ANSWER_MAX,
});

/** Room for the rows of `members`. */
export const MEMBERS_ROOM: Room<MemberRow> = {
  rowsMax: MEMBERS_MAX,
  answerMax: MEMBERS_ANSWER_MAX,
  bytesOf: ({ hostname, listening_host }) =>
    ROW_BYTES + jsonTextMax(hostname, HOSTNAME_BYTES_MAX) + jsonTextMax(listening_host, PRESENCE_HOST_BYTES_MAX),
};

const topicsOf = struct(
  "topics of",
  {
    group_id: theGroup,
    limit: documented("at most so many, 1 to 1,000; absent: 100", optional(count)),
    reserved: documented(`also those under ${RESERVED_ROOT}`, optional(bool)),
  },
  { required: ["group_id"] },
);

const topicRow = struct(
  "topic",
  {
    // What a member wrote may be longer than what can be asked with.
    topic: clippedText("topic", PATTERN_BYTES_MAX),
    messages: count,
    latest_ms: documented("timestamp of the latest, Unix milliseconds", i64),
  },
  { required: ["topic", "messages"] },
);

const topics_ = struct(
  "topics",
  { group_id: groupId, topics: plainList(topicRow, TOPICS_MAX), more: moreRows },
  { required: ["group_id", "topics"] },
);

/** Ours. A thousand topics of the most bytes there may be, each byte written as six. */
const TOPICS_ANSWER_MAX = 8 * 1024 * 1024;

/** Most used first, as many as fit. Throws `group_not_found`, `invalid_argument`. */
export const topics = operation({
  name: "topics",
  summary: "Which topics a moot's messages have, most used first",
  onlyLooks: true,
  scope: "agent",
  request: topicsOf,
  answer: topics_,
  answerMax: TOPICS_ANSWER_MAX,
});

/** Room for the rows of `topics`. */
export const TOPICS_ROOM: Room<Decoded<typeof topicRow>> = {
  rowsMax: TOPICS_MAX,
  answerMax: TOPICS_ANSWER_MAX,
  bytesOf: ({ topic }) => ROW_BYTES + jsonTextMax(topic, PATTERN_BYTES_MAX),
};

export const peerRow = struct(
  "peer",
  {
    node_id: u32,
    entmoot_pubkey: memberKey,
    hostname: clippedText("hostname", HOSTNAME_BYTES_MAX),
    self: bool,
    founder: bool,
    left_ms: documented(
      "since when it says that it has left, by its own clock, Unix milliseconds; absent: it stays",
      omitted(instantMs),
    ),
    connected: bool,
    trust: documented("key: the connection proved it", oneOf("trust", ["unknown", "key", "self"])),
    route: oneOf("route", ["none", "direct", "relay", "self", "not_checked"]),
    rtt_ms: optional(count),
    last_seen_ms: documented("Unix milliseconds", optional(count)),
    error: documented(
      "why it could not be reached the last time it was tried",
      optional(clippedText("error", ERROR_BYTES_MAX)),
    ),
    hints: plainList(boundedText("hint", HINT_BYTES_MAX), HINTS_MAX),
    hints_stale: documented("its own word on where it can be reached has run out", omitted(bool)),
    copy: documented(
      "its messages beside ours when they were last compared; absent: they were not",
      optional(oneOf("copy", ["same", "different"])),
    ),
    copy_since_ms: documented(
      "they were compared from then on, Unix milliseconds, for one of the two has removed what is older; absent: all of them",
      omitted(instantMs),
    ),
    refusals: documented(
      "how often it asked, sent or left unread more than its part since this node started",
      omitted(count),
    ),
    refused_for: documented(
      "what it was past the last time: work, answers, incoming, outgoing, stranger",
      omitted(clippedText("refused_for", REFUSED_FOR_BYTES_MAX)),
    ),
    ...presenceFields,
  },
  { required: ["node_id", "entmoot_pubkey", "trust", "route"] },
);

const peers_ = struct("peers", { peers: plainList(peerRow, MEMBERS_MAX), more: moreRows }, { required: ["peers"] });

export type PeerRow = Decoded<typeof peerRow>;

/** Ascending by node id, the first that fit. Throws `group_not_found`. */
export const peers = operation({
  name: "peers",
  summary: "How each member of a moot is reached, and why one is not",
  onlyLooks: true,
  scope: "owner",
  request: ofGroup,
  answer: peers_,
  answerMax: BODY_MAX,
});

/** Room for the rows of `peers`. */
export const PEERS_ROOM: Room<PeerRow> = {
  rowsMax: MEMBERS_MAX,
  answerMax: BODY_MAX,
  bytesOf: ({ error = "", hints, hostname, listening_host, refused_for }) =>
    ROW_BYTES +
    jsonTextMax(hostname, HOSTNAME_BYTES_MAX) +
    jsonTextMax(error, ERROR_BYTES_MAX) +
    jsonTextMax(refused_for, REFUSED_FOR_BYTES_MAX) +
    jsonTextMax(listening_host, PRESENCE_HOST_BYTES_MAX) +
    hints.reduce((bytes, hint) => bytes + jsonTextMax(hint, HINT_BYTES_MAX), 0),
};

const admission = struct(
  "admission",
  {
    group_id: theGroup,
    target: documented("node id and key of whom to admit", nodeInfo),
    peers: documented("node ids to name as bootstrap peers; absent: chosen", optional(plainList(u32, 65_536))),
    valid_for_ms: documented("how long the invite holds; one of this and valid_until_ms", optional(count)),
    valid_until_ms: documented("until when it holds, Unix milliseconds", optional(i64)),
  },
  { required: ["group_id", "target"] },
);

const admitted = struct(
  "admitted",
  { ...rosterState, invite },
  { required: ["group_id", "roster_head", "members", "invite"] },
);

export type Admitted = Decoded<typeof admitted>;

/** Adds nobody who is there with the same key. Throws `invalid_argument`, `group_not_found`, `not_member`, `conflict`. */
export const member_admit = operation({
  name: "member_admit",
  summary: "Put a node on a moot's roster unless it is there, and sign an invite for it; founder only",
  scope: "owner",
  request: admission,
  answer: admitted,
  requestMax: 1024 * 1024,
  answerMax: 1024 * 1024,
});

const expulsion = struct(
  "expulsion",
  { group_id: theGroup, target: documented("node id and key of the member", nodeInfo) },
  { required: ["group_id", "target"] },
);

const rosterStateShape = struct("roster state", rosterState, { required: ["group_id", "roster_head", "members"] });

export type Expulsion = Decoded<typeof expulsion>;
export type RosterState = Decoded<typeof rosterStateShape>;

/** Throws `invalid_argument`, `group_not_found`, `not_member`, `conflict`. */
export const member_expel = operation({
  name: "member_expel",
  summary: "Remove a member named by both id and key; founder only",
  scope: "owner",
  request: expulsion,
  answer: rosterStateShape,
});

/** Throws `group_not_found`, `not_member`. */
export const invite_authority = operation({
  name: "invite_authority",
  summary: "Whether this node may admit to a moot",
  onlyLooks: true,
  scope: "owner",
  request: ofGroup,
  answer: rosterStateShape,
});

export const MOOT_OPERATIONS = {
  group_create,
  roster_change,
  roster_heal,
  members,
  topics,
  peers,
  member_admit,
  member_expel,
  invite_authority,
};
