import { type Decoded, documented, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, messageId, rawJson, u64 } from "../../core/json/json-scalars.ts";
import { boundedBytes, boundedText, clippedText, oneOf, plainList } from "../../wire/frame/bounded.ts";
import { TOPIC_BYTES_MAX, TOPICS_MAX } from "./messages.ts";
import { operation } from "./operation.ts";
import { groupOrOnly, ofGroup, theGroup } from "./shapes.ts";

/** Ours. As JSON, a draft somewhat longer than the longest message, so that it is told how long it may be. */
const DRAFT_MAX_BYTES = 2 * 1024 * 1024;
/** Ours. As many as there are rules, and some more. */
const CHECKS_MAX = 16;

const policyState = {
  group_id: groupId,
  name: documented(
    "the preset with the same limits, whatever it keeps; custom for others, none where nothing is limited",
    oneOf("policy name", ["standard", "relaxed", "custom", "none"]),
  ),
  policy: documented("the policy in force as a JSON object; absent: none", optional(rawJson)),
  summary: documented("the same in one line; absent: none", optional(clippedText("summary", 1024))),
  source: documented(
    "where it comes from: what the moot was founded with, or an update of the founder",
    oneOf("policy source", ["founding", "update"]),
  ),
  sequence: documented("of the update in force; absent: none is", optional(u64)),
  message_id: documented("the update in force; absent: none is", optional(messageId)),
  since_ms: documented("from when on it is in force, Unix milliseconds; absent: from the beginning", optional(i64)),
  founder: documented("this node founded the moot and may change it", bool),
} as const;

const REQUIRED = ["group_id", "name", "source"] as const;

const mootPolicy = struct("moot policy", policyState, { required: [...REQUIRED] });

export type MootPolicy = Decoded<typeof mootPolicy>;

/** Throws `group_not_found`. */
export const policy = operation({
  name: "policy",
  summary: "What a moot allows its authors, and how long it keeps what they write",
  onlyLooks: true,
  scope: "agent",
  request: ofGroup,
  answer: mootPolicy,
});

const policyChange = struct(
  "policy change",
  {
    group_id: theGroup,
    policy: documented("a whole policy as a JSON object; one of this and clear", optional(rawJson)),
    clear: documented("true: nothing is limited from now on, and everything is kept", optional(bool)),
  },
  { required: ["group_id"] },
);

const policyChanged = struct(
  "policy changed",
  {
    ...policyState,
    published: documented("false: an update of the founder that says the same was in force already", bool),
  },
  { required: [...REQUIRED, "published"] },
);

export type PolicyChanged = Decoded<typeof policyChanged>;

/**
 * Signs an update for all members. Throws `group_not_found`, `not_member` (not the founder), `invalid_argument`,
 * `malformed_frame`, `conflict` while the roster has forked, `unavailable` while this copy may be an old one.
 */
export const policy_change = operation({
  name: "policy_change",
  summary: "Set or clear the policy of a moot for all its members; founder only",
  scope: "owner",
  request: policyChange,
  answer: policyChanged,
});

const draft = struct(
  "draft",
  {
    topics: documented("as it would have them", plainList(boundedText("topic", TOPIC_BYTES_MAX), TOPICS_MAX)),
    content: documented("its body", boundedBytes("content", { min: 0, max: Number.MAX_SAFE_INTEGER })),
  },
  { required: ["content"] },
);

const explainRequest = struct("policy explained", {
  group_id: groupOrOnly,
  message_id: documented("a message that came, or was refused, here; one of this and draft", optional(messageId)),
  draft: documented("what this node would publish now", optional(draft)),
});

/** `author_rate` of a message that waits: one of both rates. */
const RULES = [
  "member",
  "message_bytes",
  "max_message_bytes",
  "retention_days",
  "message_rate_per_author",
  "byte_rate_per_author",
  "author_rate",
] as const;
export type PolicyRule = (typeof RULES)[number];

const rule = oneOf("rule", RULES);

const check = struct(
  "policy check",
  {
    rule,
    limit: documented("what it allows, in words", clippedText("limit", 256)),
    found: documented("what was found, in words", clippedText("found", 256)),
    ok: bool,
  },
  { required: ["rule", "limit", "found"] },
);

export type PolicyCheck = Decoded<typeof check>;

const explained = struct(
  "policy explanation",
  {
    group_id: groupId,
    message_id: optional(messageId),
    state: documented(
      "allowed: a draft that would be taken now; held: it is here; waits: it has its turn; refused; removed: it was here, and is past its retention",
      oneOf("state", ["allowed", "held", "waits", "refused", "removed"]),
    ),
    refused_by: documented("the first rule that keeps it out now; absent: none does", optional(rule)),
    reason: documented("why, in words; empty: nothing keeps it out", clippedText("reason", 1024)),
    retry: documented(
      "when the same may be tried again: now, at retry_at_ms, once the founder sets another policy, once this node is a member, or never",
      oneOf("retry", ["now", "at", "policy", "member", "never"]),
    ),
    retry_at_ms: documented("Unix milliseconds", optional(i64)),
    removed_at_ms: documented(
      "when it goes by its retention as it is now, Unix milliseconds; absent: it stays, or is not held",
      optional(i64),
    ),
    checks: plainList(check, CHECKS_MAX),
  },
  { required: ["group_id", "state", "retry", "checks"] },
);

export type PolicyExplained = Decoded<typeof explained>;

/** Throws `group_not_found`, `invalid_argument`, `not_found` for a message that never came, or that nobody remembers. */
export const policy_explain = operation({
  name: "policy_explain",
  summary: "Which rule of a moot would refuse a message or a draft, and when it may be tried again",
  onlyLooks: true,
  scope: "agent",
  request: explainRequest,
  answer: explained,
  requestMax: DRAFT_MAX_BYTES,
});

export const POLICY_OPERATIONS = { policy, policy_change, policy_explain };
