import { sizeText } from "../amounts.ts";
import { EntmootError } from "../errors.ts";
import { GroupId } from "../ids.ts";
import { type Codec, decodeJson, encodeWire, struct } from "../json/json-codec.ts";
import { groupId, i64, text, u64 } from "../json/json-scalars.ts";
import { type Policy, policyCodec, policyFault } from "./policy.ts";
import { indexedTopics } from "./topic.ts";

/** Wire. The original looks for a policy update on this topic alone; retention never prunes messages on it. */
export const POLICY_TOPIC = "_entmoot/policy/v1";
/** Wire. The original refuses an update of any other type. */
const POLICY_UPDATE_TYPE = "entmoot.policy_update.v1";
/** Ours. Content of an update; the format fits in 1 KiB. */
export const POLICY_UPDATE_BYTES_MAX = 64 * 1024;

/**
 * Whether a message says what the group's policy is: on this topic only the founder, by its node id, does. Anybody else's
 * there is a message like any other, kept as such and without effect.
 */
export function isPolicyUpdate(
  { author, topics }: { readonly author: number; readonly topics: readonly string[] },
  founder: number | undefined,
): boolean {
  return author === founder && indexedTopics(topics).includes(POLICY_TOPIC);
}

/** The content of a founder's message that sets or clears the group's policy everywhere. */
interface PolicyUpdate {
  readonly type: string;
  readonly group_id: GroupId;
  /** `undefined` clears the policy. */
  readonly policy: Policy | undefined;
  readonly updated_at_ms: bigint;
  /** uint64; only an update with a greater one than the last is applied. */
  readonly sequence: bigint;
}

const policyOrNull: Codec<Policy | undefined> = {
  label: policyCodec.label,
  zero: () => undefined,
  read: (reader, previous) =>
    reader.readNull() ? undefined : policyCodec.read(reader, previous ?? policyCodec.zero()),
  write: (value, form) => (value === undefined ? "null" : policyCodec.write(value, form)),
};

const updateCodec = struct<PolicyUpdate>("policy update", {
  type: text,
  group_id: groupId,
  policy: policyOrNull,
  updated_at_ms: i64,
  sequence: u64,
});

/**
 * Reads the content of a message on `POLICY_TOPIC`. Throws `malformed_frame` when it is not such an
 * object (unknown keys included), `invalid_argument` when a value is out of range.
 */
export function parsePolicyUpdate(content: Uint8Array): PolicyUpdate {
  if (content.length > POLICY_UPDATE_BYTES_MAX) {
    throw new EntmootError(
      "malformed_frame",
      `policy update: expected at most ${sizeText(POLICY_UPDATE_BYTES_MAX)}, found ${sizeText(content.length)}`,
    );
  }
  const update = decodeJson(updateCodec, content, { unknownKeys: "refuse" });
  verifyUpdate(update);
  return update;
}

/** The content that sets `policy`, or clears it when `undefined`. Throws `invalid_argument`. */
export function buildPolicyUpdate(update: Omit<PolicyUpdate, "type">): Uint8Array<ArrayBuffer> {
  const complete = { ...update, type: POLICY_UPDATE_TYPE };
  verifyUpdate(complete);
  return encodeWire(updateCodec, complete);
}

function verifyUpdate(update: PolicyUpdate): void {
  const fault = faultOf(update);
  if (fault) throw new EntmootError("invalid_argument", fault);
}

function faultOf({ type, group_id, policy, updated_at_ms, sequence }: PolicyUpdate): string | undefined {
  if (type !== POLICY_UPDATE_TYPE) {
    return `policy update type = ${JSON.stringify(type)}, want ${JSON.stringify(POLICY_UPDATE_TYPE)}`;
  }
  if (group_id === GroupId.zero) return "policy update group_id is required";
  if (updated_at_ms <= 0n) return "policy update updated_at_ms must be positive";
  if (sequence <= 0n) return "policy update sequence must be positive";
  const fault = policy && policyFault(policy);
  return fault && `policy update policy: ${fault.reason}`;
}
