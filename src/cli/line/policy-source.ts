import { sizeText } from "../../core/amounts.ts";
import { trimSpace } from "../../core/bytes/text.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import {
  formatPolicy,
  POLICY_PRESETS,
  type Policy,
  parsePolicy,
  parsePolicySource,
  policySummary,
} from "../../core/policy/policy.ts";
import { keepsEverything, parseRetention } from "../../core/policy/retention.ts";
import { inputReason, readInput } from "./bounded-input.ts";

/** A policy as a flag names it, read and checked. */
export interface PolicyChoice {
  /** How outputs name it: `preset:standard`, `none`, `file:…`. */
  readonly source: string;
  /** The policy's JSON text; `undefined` for none. */
  readonly json: string | undefined;
  readonly summary: string | undefined;
  /** Days; `undefined` when everything is kept because there are no limits. */
  readonly retention: bigint | undefined;
}

/** Ours. A policy has some 600 bytes. */
const FILE_MAX_BYTES = 64 * 1024;

/** Ours. A file is there at once; a pipe gets some time to be written. */
const FILE_TIMEOUT_MS = 30_000;

/**
 * Reads `preset:<name>`, `none` or `file:<path>`, and days or `keep` in place of what that keeps; `undefined` leaves it. `label` starts the error. Throws `invalid_argument`.
 */
export async function policyFromFlags(
  flags: { readonly policy: string; readonly retention: string | undefined },
  label: string,
): Promise<PolicyChoice> {
  if (trimSpace(flags.policy) === "") {
    throw new EntmootError(
      "invalid_argument",
      `${label}: -policy is empty; expected preset:standard, preset:relaxed, none or file:PATH`,
    );
  }
  return withRetention(await policyFromSource(flags.policy, `${label}: -policy`), flags.retention, label);
}

/** The same policy that keeps so many days, or everything, where that is said. Throws `invalid_argument`. */
export function withRetention(chosen: PolicyChoice, retention: string | undefined, label: string): PolicyChoice {
  const days = retentionFrom(retention, `${label}: -retention`);
  if (days === undefined) return chosen;
  if (chosen.json !== undefined) {
    const policy = { ...parsePolicy(chosen.json), retention_days: days };
    return { ...chosen, json: formatPolicy(policy), summary: policySummary(policy), retention: days };
  }
  if (keepsEverything(days)) return chosen;
  throw new EntmootError(
    "invalid_argument",
    `${label}: -retention: a moot without limits (none) keeps everything; name a policy as well`,
  );
}

function retentionFrom(text: string | undefined, label: string): bigint | undefined {
  if (text === undefined) return undefined;
  try {
    return parseRetention(text);
  } catch (cause) {
    throw new EntmootError("invalid_argument", `${label}: ${textOf(cause)}`, { cause });
  }
}

/** Reads `preset:<name>`, `none` or `file:<path>`; `label` starts the error. Throws `invalid_argument`. */
export async function policyFromSource(text: string, label: string): Promise<PolicyChoice> {
  try {
    const parsed = parsePolicySource(text);
    const policy = parsed.kind === "file" ? await readPolicyFile(parsed.path) : parsed.policy;
    return {
      retention: policy?.retention_days,
      source: parsed.source,
      json: policy === undefined ? undefined : formatPolicy(policy),
      summary: policy === undefined ? undefined : policySummary(policy),
    };
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError("invalid_argument", `${label}: ${cause.message}`, { cause });
  }
}

async function readPolicyFile(path: string): Promise<Policy> {
  const name = JSON.stringify(path);
  let bytes: Uint8Array | undefined;
  try {
    bytes = await readInput(path, { maxBytes: FILE_MAX_BYTES, timeoutMs: FILE_TIMEOUT_MS });
  } catch (cause) {
    throw new EntmootError("invalid_argument", `read policy file ${name}: ${inputReason(cause)}`, { cause });
  }
  if (bytes === undefined) {
    throw new EntmootError(
      "invalid_argument",
      `read policy file ${name}: expected at most ${sizeText(FILE_MAX_BYTES)}`,
    );
  }
  try {
    return policyOf(bytes);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    const step = cause.code === "malformed_frame" ? "decode" : "validate";
    throw new EntmootError("invalid_argument", `${step} policy file ${name}: ${cause.message}`, { cause });
  }
}

const KEYS = Object.keys(POLICY_PRESETS.standard);

/** Of a policy as it is written by hand, or of what `policy status -json` printed. */
function policyOf(bytes: Uint8Array): Policy {
  const read = objectOf(decodeUtf8(bytes));
  if (read === undefined) return parsePolicy(bytes);
  const policy = "policy" in read ? objectOf(JSON.stringify(read.policy)) : undefined;
  if (policy === undefined && read.policy_configured === false) {
    throw new EntmootError("invalid_argument", 'it is of a moot without a policy; "-preset none" says so');
  }
  const missing = KEYS.filter((key) => !Object.hasOwn(policy ?? read, key));
  if (missing.length > 0) {
    const keys = `a policy has ten keys: ${KEYS.join(", ")}`;
    const are = missing.length === 1 ? "is" : "are";
    throw new EntmootError(
      "invalid_argument",
      `${missing.join(", ")} ${are} missing; ${keys}; "entmootd policy status -json" shows them`,
    );
  }
  return parsePolicy(policy === undefined ? bytes : JSON.stringify(policy));
}

/** `undefined` for what is no JSON object, which is for the reader of policies to refuse. */
function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === "object" && read !== null && !Array.isArray(read) ? { ...read } : undefined;
  } catch {
    return undefined;
  }
}
