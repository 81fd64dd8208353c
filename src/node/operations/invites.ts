import { URL_CHARS_MAX } from "../../core/bytes/textual-url.ts";
import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, rawJson, u32 } from "../../core/json/json-scalars.ts";
import { invite, nodeInfo } from "../../core/record/record-codecs.ts";
import { LINKS_MAX } from "../../store/store-limits.ts";
import { boundedText, clippedText, count, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { operation } from "./operation.ts";
import { ofGroup, theGroup } from "./shapes.ts";

/** Ours. An invite that names more peers than this helps nobody. */
const MINT_PEERS_MAX = 1024;
/** Ours. Twice the longest link: what is a little too long is told so by the reader of links. */
const LINK_BYTES_MAX = 4096;
/** Ours. An invite with sixteen peers takes about 4 KB. */
const JOIN_INPUT_BYTES_MAX = 64 * 1024;
/** Ours. As many peers as may be asked for, at 256 bytes each. */
const INVITE_MAX = 256 * 1024;

/** Ours. Of a token: the original's have 43 characters. */
export const OPEN_TOKEN_BYTES_MAX = 1024;
/** Ours. A key has 44 characters in base64. */
export const PINNED_KEY_BYTES_MAX = 1024;

const mint = struct(
  "invite to mint",
  {
    group_id: theGroup,
    peers: documented(
      "node ids to name as bootstrap peers; absent: the founder and others, at most five",
      optional(plainList(u32, MINT_PEERS_MAX)),
    ),
    valid_for_ms: documented("above 0", count),
  },
  { required: ["group_id", "valid_for_ms"] },
);

const minted = struct("minted invite", { invite }, { required: ["invite"] });

/** Adds nobody to the roster. Throws `group_not_found`, `not_member`, `invalid_argument`. */
export const invite_mint = operation({
  name: "invite_mint",
  summary: "Sign an invite for someone who is, or soon will be, on the roster",
  scope: "owner",
  request: mint,
  answer: minted,
  answerMax: INVITE_MAX,
});

const linkFields = {
  id: boundedText("id", 64),
  group_id: groupId,
  uses: documented("how many may join by it; 0: any number", count),
  used: documented("how many have", count),
  created_at_ms: documented("Unix milliseconds", count),
  expires_at_ms: documented("Unix milliseconds; 0: never", count),
  status: oneOf("status", ["active", "expired", "used_up", "revoked"]),
  token_hash: documented(
    "of its token, SHA-256 in base64url; an open invite's is its id over HTTP",
    optional(boundedText("token hash", 64)),
  ),
} as const;

/** A link as its issuer keeps it. */
export const linkRow = struct("link", linkFields, { required: ["id", "group_id", "status"] });

/** A link just made, the only time its text is shown. */
export const createdLink = struct(
  "created link",
  { ...linkFields, link: boundedText("link", LINK_BYTES_MAX) },
  { required: ["id", "group_id", "status", "link"] },
);

/** A link as its issuer keeps it: never the link itself. */
export type LinkRow = Decoded<typeof linkRow>;
export type CreatedLink = Decoded<typeof createdLink>;

const newLink = struct(
  "new link",
  {
    group_id: theGroup,
    uses: documented("how many may join by it, at most 65,536; absent or 0: any number", optional(count)),
    valid_for_ms: documented("absent or 0: for ever", optional(count)),
    alone: documented("as that of `roster_change`: who has the link may be let in at once", optional(bool)),
  },
  { required: ["group_id"] },
);

/** Throws `group_not_found`, `not_member` (not the founder), `invalid_argument`, `conflict` (too many links). */
export const link_create = operation({
  name: "link_create",
  summary: "Issue a link that lets whoever has it join; its text is shown this once",
  scope: "owner",
  request: newLink,
  answer: createdLink,
});

const links = struct("links", { links: plainList(linkRow, LINKS_MAX) }, { required: ["links"] });

/** Oldest first. Throws `group_not_found`. */
export const link_list = operation({
  name: "link_list",
  summary: "The links this node issued for a moot",
  onlyLooks: true,
  scope: "owner",
  request: ofGroup,
  answer: links,
  answerMax: 8 * 1024 * 1024,
});

const namedLink = struct(
  "link to revoke",
  { group_id: theGroup, link: documented("the link's text, or its id", boundedText("link", LINK_BYTES_MAX)) },
  { required: ["group_id", "link"] },
);

/** Gives the link as it is then. Throws `group_not_found`, `not_found`. */
export const link_revoke = operation({
  name: "link_revoke",
  summary: "End a link; who joined by it stays",
  scope: "owner",
  request: namedLink,
  answer: linkRow,
});

const joinRequest = struct(
  "join",
  {
    input: documented(
      "a moot link, the link of an open invite, or the JSON text of an invite, of an open invite or of a descriptor",
      boundedText("join input", JOIN_INPUT_BYTES_MAX),
    ),
    pinned_key: documented(
      "the key that signs the default moot's descriptor, in base64; absent: the one that is built in",
      optional(boundedText("pinned key", PINNED_KEY_BYTES_MAX)),
    ),
    timeout_ms: documented("absent or 0: a minute and a half; at most an hour", optional(count)),
  },
  { required: ["input"] },
);

export const joinProgress = struct(
  "join progress",
  {
    stage: documented("a word to branch on: dialing, waiting, redeemed, roster, messages", boundedText("stage", 64)),
    message: clippedText("message", 4096),
  },
  { required: ["stage"] },
);

const joined = struct(
  "joined",
  {
    status: oneOf("status", ["joined", "already_joined"]),
    group_id: groupId,
    issuer: optional(nodeInfo),
    members: count,
    local_node_id: u32,
  },
  { required: ["status", "group_id", "members", "local_node_id"] },
);

export type JoinProgress = Decoded<typeof joinProgress>;
export type Joined = Decoded<typeof joined>;

/** Ours. A join may take an hour; the daemon gets what was asked for, and some time on top to tell how it ended. */
export const JOIN_PATIENCE_MS = 3_600_000 + 30_000;

/** Throws as the input's reader, `unavailable`, `not_member`, `roster_rejected`, `expired`. */
export const join = operation({
  name: "join",
  summary: "Join a moot by link or invite, telling how it goes",
  scope: "owner",
  request: joinRequest,
  event: joinProgress,
  answer: joined,
  requestMax: 512 * 1024,
  patienceMs: JOIN_PATIENCE_MS,
});

const joinByInvite = struct(
  "join by invite",
  {
    invite,
    metadata: documented("display metadata as a JSON object; its name becomes the moot's name here", optional(rawJson)),
    policy: documented("a policy as a JSON object, kept when the join succeeds", optional(rawJson)),
    timeout_ms: documented("absent or 0: a minute and a half; at most an hour", optional(count)),
  },
  { required: ["invite"] },
);

/** As `join`. Throws `expired` or `signature_invalid` for the invite, `invalid_argument` for what is no policy. */
export const join_invite = operation({
  name: "join_invite",
  summary: "Join a moot by an invite at hand",
  scope: "owner",
  request: joinByInvite,
  event: joinProgress,
  answer: joined,
  requestMax: 1024 * 1024,
  patienceMs: JOIN_PATIENCE_MS,
});

const joinByOpenInvite = struct(
  "join by open invite",
  {
    issuer_url: documented("where it is redeemed", boundedText("url", URL_CHARS_MAX)),
    token: boundedText("token", OPEN_TOKEN_BYTES_MAX),
    expected_group_id: documented("refuse an invite into another moot", optional(groupId)),
    expected_issuer: documented("refuse an invite that somebody else signed", optional(nodeInfo)),
    metadata: documented("as of `join_invite`", optional(rawJson)),
    policy: documented("as of `join_invite`", optional(rawJson)),
    timeout_ms: documented("absent or 0: a minute and a half; at most an hour", optional(count)),
  },
  { required: ["issuer_url", "token"] },
);

/** As `join`; `unsupported` where the issuer takes nodes of Pilot alone. */
export const join_open_invite = operation({
  name: "join_open_invite",
  summary: "Redeem an open invite over HTTPS with this node's key, and join by the invite that comes of it",
  scope: "owner",
  request: joinByOpenInvite,
  event: joinProgress,
  answer: joined,
  requestMax: 1024 * 1024,
  patienceMs: JOIN_PATIENCE_MS,
});

export const INVITE_OPERATIONS = {
  invite_mint,
  link_create,
  link_list,
  link_revoke,
  join,
  join_invite,
  join_open_invite,
};
