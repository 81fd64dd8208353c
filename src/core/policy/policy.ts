import { trimSpace } from "../bytes/text.ts";
import { EntmootError } from "../errors.ts";
import { type Codec, decodeJson, encodeWire, struct } from "../json/json-codec.ts";
import { i64, text } from "../json/json-scalars.ts";
import { parseByteRate, parseMessageRate } from "./rate.ts";

/** What one group allows its authors. Kept and enforced by each node; whole numbers are int64. */
export interface Policy {
  /** Messages, such as `6/min`. */
  readonly message_rate_per_author: string;
  readonly message_burst_per_author: bigint;
  /** Bytes of content, such as `64KiB/min`. */
  readonly byte_rate_per_author: string;
  readonly byte_burst_per_author: bigint;
  /** Of the content alone. */
  readonly max_message_bytes: bigint;
  /** Runs of live agents. */
  readonly live_trigger_rate: string;
  readonly live_trigger_burst: bigint;
  readonly live_max_actions_per_scan: bigint;
  readonly live_max_action_bytes: bigint;
  readonly retention_days: bigint;
}

/** Wire: the original signs these keys in this form inside descriptors. */
export const policyCodec: Codec<Policy> = struct<Policy>("policy", {
  message_rate_per_author: text,
  message_burst_per_author: i64,
  byte_rate_per_author: text,
  byte_burst_per_author: i64,
  max_message_bytes: i64,
  live_trigger_rate: text,
  live_trigger_burst: i64,
  live_max_actions_per_scan: i64,
  live_max_action_bytes: i64,
  retention_days: i64,
});

/** `standard` is what new groups get and what the default moot is built with. */
export const POLICY_PRESETS = {
  standard: {
    message_rate_per_author: "6/min",
    message_burst_per_author: 12n,
    byte_rate_per_author: "64KiB/min",
    byte_burst_per_author: 131_072n,
    max_message_bytes: 8192n,
    live_trigger_rate: "6/min",
    live_trigger_burst: 6n,
    live_max_actions_per_scan: 1n,
    live_max_action_bytes: 4096n,
    retention_days: 30n,
  },
  relaxed: {
    message_rate_per_author: "60/min",
    message_burst_per_author: 120n,
    byte_rate_per_author: "1MiB/min",
    byte_burst_per_author: 4_194_304n,
    max_message_bytes: 65_536n,
    live_trigger_rate: "30/min",
    live_trigger_burst: 30n,
    live_max_actions_per_scan: 3n,
    live_max_action_bytes: 16_384n,
    retention_days: 90n,
  },
} as const satisfies Record<string, Policy>;

interface PolicyFault {
  readonly field: keyof Policy;
  /** For people; begins with the field. */
  readonly reason: string;
}

/** The first fault in the order all nodes check, or `undefined` for a valid policy. */
export function policyFault(policy: Policy): PolicyFault | undefined {
  return (
    rateFault(policy, "message_rate_per_author", parseMessageRate) ??
    notPositive(policy, "message_burst_per_author") ??
    rateFault(policy, "byte_rate_per_author", parseByteRate) ??
    notPositive(policy, "byte_burst_per_author") ??
    notPositive(policy, "max_message_bytes") ??
    burstBelowMessage(policy) ??
    rateFault(policy, "live_trigger_rate", parseMessageRate) ??
    notPositive(policy, "live_trigger_burst") ??
    negative(policy, "live_max_actions_per_scan") ??
    negative(policy, "live_max_action_bytes") ??
    notPositive(policy, "retention_days")
  );
}

/** Throws `invalid_argument` with the first fault. */
export function verifyPolicy(policy: Policy): void {
  const fault = policyFault(policy);
  if (fault) throw new EntmootError("invalid_argument", fault.reason);
}

/**
 * A policy written by hand: unknown keys are refused, and it must be valid. Throws `malformed_frame`
 * when it is not such an object, `invalid_argument` when a value is out of range.
 */
export function parsePolicy(input: Uint8Array | string): Policy {
  const policy = decodeJson(policyCodec, input, { unknownKeys: "refuse" });
  verifyPolicy(policy);
  return policy;
}

/** JSON text of a policy, keys in the usual order. */
export function formatPolicy(policy: Policy): string {
  return new TextDecoder().decode(encodeWire(policyCodec, policy));
}

/** The policy a preset stands for; `none` is `undefined`. Names in any case. Throws `invalid_argument`. */
export function policyPreset(name: string): Policy | undefined {
  const preset = trimSpace(name).toLowerCase();
  if (preset === "none") return undefined;
  if (preset === "standard" || preset === "relaxed") return POLICY_PRESETS[preset];
  throw new EntmootError(
    "invalid_argument",
    `unknown policy preset ${JSON.stringify(name)} (want: standard, relaxed, none)`,
  );
}

/**
 * The preset whose limits `policy` has, whatever it keeps; `custom` for others and `none` for none. For people and
 * programs that want to know what they may send.
 */
export function policyName(policy: Policy | undefined): "standard" | "relaxed" | "custom" | "none" {
  if (policy === undefined) return "none";
  const isLike = (preset: Policy) =>
    formatPolicy({ ...policy, retention_days: 1n }) === formatPolicy({ ...preset, retention_days: 1n });
  if (isLike(POLICY_PRESETS.standard)) return "standard";
  return isLike(POLICY_PRESETS.relaxed) ? "relaxed" : "custom";
}

/** Where a policy comes from. `source` is how reports name it. */
type PolicySource =
  | { readonly kind: "preset"; readonly source: string; readonly policy: Policy | undefined }
  | { readonly kind: "file"; readonly source: string; readonly path: string };

/** Reads `preset:<name>`, `none`, `file:<path>`, or nothing for the standard. Throws `invalid_argument`. */
export function parsePolicySource(source: string): PolicySource {
  const trimmed = trimSpace(source) || "preset:standard";
  if (trimmed.toLowerCase() === "none") return { kind: "preset", source: "none", policy: undefined };
  if (trimmed.startsWith("preset:")) {
    const name = trimSpace(trimmed.slice("preset:".length)).toLowerCase();
    return { kind: "preset", source: `preset:${name}`, policy: policyPreset(name) };
  }
  const path = trimmed.startsWith("file:") ? trimSpace(trimmed.slice("file:".length)) : "";
  if (path !== "") return { kind: "file", source: `file:${path}`, path };
  throw new EntmootError(
    "invalid_argument",
    `unsupported policy source ${JSON.stringify(source)} (want: preset:standard, preset:relaxed, none, file:policy.json)`,
  );
}

/** Wire: the original's status output and directories show this line, and programs read it. */
export function policySummary(policy: Policy): string {
  return [
    `message_rate=${policy.message_rate_per_author}`,
    `burst=${policy.message_burst_per_author}`,
    `max_message_bytes=${policy.max_message_bytes}`,
    `live_rate=${policy.live_trigger_rate}`,
    `live_burst=${policy.live_trigger_burst}`,
    `retention_days=${policy.retention_days}`,
  ].join(" ");
}

type RateField = "message_rate_per_author" | "byte_rate_per_author" | "live_trigger_rate";
type NumberField = Exclude<keyof Policy, RateField>;

function rateFault(policy: Policy, field: RateField, parse: (text: string) => unknown): PolicyFault | undefined {
  try {
    parse(policy[field]);
    return undefined;
  } catch (error) {
    if (error instanceof EntmootError) return { field, reason: `${field}: ${error.message}` };
    throw error;
  }
}

function notPositive(policy: Policy, field: NumberField): PolicyFault | undefined {
  return policy[field] > 0n ? undefined : { field, reason: `${field} must be positive` };
}

function negative(policy: Policy, field: NumberField): PolicyFault | undefined {
  return policy[field] >= 0n ? undefined : { field, reason: `${field} must be non-negative` };
}

function burstBelowMessage({ byte_burst_per_author, max_message_bytes }: Policy): PolicyFault | undefined {
  if (byte_burst_per_author >= max_message_bytes) return undefined;
  const reason = "byte_burst_per_author must be greater than or equal to max_message_bytes";
  return { field: "byte_burst_per_author", reason };
}
