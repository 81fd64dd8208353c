import { CONSENTS } from "../../core/admission/default-moot-state.ts";
import { URL_CHARS_MAX } from "../../core/bytes/textual-url.ts";
import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, rawJson, u32 } from "../../core/json/json-scalars.ts";
import { boundedText, clippedText, count, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { JOIN_PATIENCE_MS, joinProgress, PINNED_KEY_BYTES_MAX } from "./invites.ts";
import { operation } from "./operation.ts";

/** Ours. Why something failed; what is longer is cut. */
const ERROR_BYTES_MAX = 4096;
/** Ours. A few lines about oneself, as many as the standard policy lets into a message. */
const INTRO_BYTES_MAX = 8192;
/** Ours. The original knows 14 actions, so all of them fit. */
const ACTIONS_MAX = 64;

/** Ours. A server may be asked for the descriptor, and this waits for the slowest that is waited for, with others in between. */
const ASKING_PATIENCE_MS = 60_000;

/** Where the descriptor is and who signs it. */
const source = {
  descriptor_url: documented(
    "where the descriptor is; absent: where the original looks for it",
    optional(boundedText("url", URL_CHARS_MAX)),
  ),
  pinned_key: documented(
    "the key that signs it, in base64; absent: the one that is built in",
    optional(boundedText("pinned key", PINNED_KEY_BYTES_MAX)),
  ),
} as const;

const state = documented("what the owner has said, as `default_moot.json` holds it", rawJson);

const mootStatus = struct(
  "default moot",
  {
    consent: documented("what the owner has said", oneOf("consent", CONSENTS)),
    descriptor_url: documented("empty where what was given is none", boundedText("url", URL_CHARS_MAX)),
    descriptor_verified: bool,
    descriptor_error: documented("why not", optional(clippedText("error", ERROR_BYTES_MAX))),
    group_id: documented("absent: not known", optional(groupId)),
    joined: documented("this node's key is on the roster", bool),
    policy: documented("the moot's limits, as a JSON object", optional(rawJson)),
    policy_summary: optional(boundedText("policy summary", 1024)),
    live_enabled: documented("an agent here is to answer in it by itself", bool),
    allowed_live_actions: optional(plainList(boundedText("action", 64), ACTIONS_MAX)),
    last_local_message_at_ms: documented("timestamp of the latest message here, Unix milliseconds", optional(i64)),
    local_state: state,
    recommended_live_config: documented("of the descriptor, as a JSON object", optional(rawJson)),
  },
  { required: ["consent", "descriptor_verified", "joined", "live_enabled"] },
);

export type DefaultMootStatus = Decoded<typeof mootStatus>;

/** Fetches the descriptor; what is wrong with that is an answer. */
export const default_moot_status = operation({
  name: "default_moot_status",
  summary: "Whether the default moot, The Ent Moot, is joined or declined here, and what its descriptor says now",
  onlyLooks: true,
  scope: "owner",
  request: struct("default moot asked for", source),
  answer: mootStatus,
  patienceMs: ASKING_PATIENCE_MS,
});

const mootJoined = struct(
  "default moot joined",
  {
    status: documented("verified: nothing was done", oneOf("status", ["joined", "verified"])),
    group_id: groupId,
    name: boundedText("name", 1024),
    descriptor_url: boundedText("url", URL_CHARS_MAX),
    intro_error: documented(
      "why the introduction was not published, although the moot was joined",
      optional(clippedText("error", ERROR_BYTES_MAX)),
    ),
    intro_published: optional(bool),
  },
  { required: ["status", "group_id", "name", "descriptor_url"] },
);

export type DefaultMootJoined = Decoded<typeof mootJoined>;

/** Records the owner's consent. Throws `unavailable` for the descriptor, and as `join`. */
export const default_moot_join = operation({
  name: "default_moot_join",
  summary: "Join The Ent Moot by its signed descriptor, and keep that its owner wanted to",
  scope: "owner",
  request: struct("default moot to join", {
    ...source,
    dry_run: documented("only fetch and verify the descriptor", optional(bool)),
    intro: documented(
      "published on `introductions` once it is joined",
      optional(boundedText("intro", INTRO_BYTES_MAX)),
    ),
    timeout_ms: documented("absent or 0: a minute and a half; at most an hour", optional(count)),
  }),
  event: joinProgress,
  answer: mootJoined,
  patienceMs: JOIN_PATIENCE_MS,
});

const declined = struct(
  "default moot declined",
  { local_state: state, restart_required: documented("a daemon of an earlier version takes part until then", bool) },
  { required: ["local_state"] },
);

/** Without `group_id` in what is kept nobody could be asked which moot it is; then none of those here is set aside. */
export const default_moot_decline = operation({
  name: "default_moot_decline",
  summary: "Keep that the owner wants no part in The Ent Moot: a daemon takes no part in it from then on",
  scope: "owner",
  request: struct("default moot to decline", source),
  answer: declined,
  patienceMs: ASKING_PATIENCE_MS,
});

const left = struct(
  "default moot left",
  {
    group_id: groupId,
    live_configs_disabled: count,
    restart_required: documented("a daemon of an earlier version takes part until then", bool),
  },
  { required: ["group_id"] },
);

/** The roster is not changed, and others go on seeing this node in it. Throws `unavailable` where it is not known which moot it is. */
export const default_moot_leave = operation({
  name: "default_moot_leave",
  summary: "End this node's part in The Ent Moot, live agents first; its key stays on the roster",
  scope: "owner",
  request: struct("default moot to leave", source),
  answer: left,
  patienceMs: ASKING_PATIENCE_MS,
});

const nodeId = documented("node id of the member that answers", u32);

/** Throws `unavailable` for the descriptor, `not_member` where it is declined, or this key is no member under that id. */
export const default_moot_live_on = operation({
  name: "default_moot_live_on",
  summary: "Let an agent here answer in The Ent Moot by itself, within what its descriptor recommends",
  scope: "owner",
  request: struct("default moot live", { ...source, node_id: nodeId }, { required: ["node_id"] }),
  answer: struct("live", { config: documented("what is kept, as a JSON object", rawJson) }),
  patienceMs: ASKING_PATIENCE_MS,
});

/** Throws `unavailable` where it is not known which moot it is. */
export const default_moot_live_off = operation({
  name: "default_moot_live_off",
  summary: "Let no agent here answer in The Ent Moot by itself; the moot stays joined",
  scope: "owner",
  request: struct("default moot quiet", { ...source, node_id: documented("absent or 0: all", optional(u32)) }),
  answer: struct("quiet", { group_id: groupId, disabled: count }, { required: ["group_id"] }),
  patienceMs: ASKING_PATIENCE_MS,
});

export const DEFAULT_MOOT_OPERATIONS = {
  default_moot_status,
  default_moot_join,
  default_moot_decline,
  default_moot_leave,
  default_moot_live_on,
  default_moot_live_off,
};
