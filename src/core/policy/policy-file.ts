import { sizeText } from "../amounts.ts";
import { decodeBase64 } from "../bytes/base64.ts";
import { EntmootError } from "../errors.ts";
import { GroupId } from "../ids.ts";
import { type Codec, decodeJson, struct } from "../json/json-codec.ts";
import { indentJson } from "../json/json-indent.ts";
import { int, rawJson, u64 } from "../json/json-scalars.ts";
import { jsonString } from "../json/json-text.ts";
import { type Policy, policyCodec, policyFault } from "./policy.ts";

/** Ours. At 600 bytes a policy, room for a hundred thousand groups. */
export const POLICY_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** The policies of all groups on this node, as `policies/group-policies.json` holds them. */
interface PolicyFile {
  readonly policies: ReadonlyMap<GroupId, Policy>;
  /** Sequence of the last policy update applied, kept after a clear. */
  readonly sequences: ReadonlyMap<GroupId, bigint>;
  /** Entries that could not be taken; the others are not affected. */
  readonly faults: readonly PolicyFileFault[];
}

interface PolicyFileFault {
  /** The key as it stands in the file. */
  readonly key: string;
  readonly groupId: GroupId | undefined;
  readonly reason: string;
}

interface Stored {
  readonly version: number;
  readonly policies: ReadonlyMap<string, string>;
  readonly sequences: ReadonlyMap<string, string>;
}

/** A map made by reading one file. */
class ReadMap extends Map<string, string> {}

/** An object with keys of its own, each value as JSON source text. The last of equal keys counts. */
const rawMap: Codec<ReadonlyMap<string, string>> = {
  label: "object",
  zero: () => new Map(),
  read(reader, previous) {
    if (reader.readNull()) return new Map();
    // What an earlier duplicate key made is nobody else's, or each of very many would copy all of it.
    const entries = previous instanceof ReadMap ? previous : new ReadMap(previous);
    const isObject = reader.readObject((key) => {
      entries.set(key, reader.readRaw());
    });
    if (!isObject) reader.fail("an object");
    return entries;
  },
  write: (value, form) =>
    `{${[...value]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, raw]) => `${jsonString(key, form)}:${rawJson.write(raw, form)}`)
      .join(",")}}`,
};

const fileCodec = struct<Stored>("policy file", {
  version: int,
  policies: rawMap,
  sequences: { ...rawMap, omits: (value) => value.size === 0 },
});

/**
 * Reads the file's bytes. A bad entry is reported and left out, so that it cannot stop the other groups.
 * Throws `malformed_frame` when the file as a whole is not JSON of this shape, `unsupported` for
 * another version.
 */
export function parsePolicyFile(bytes: Uint8Array): PolicyFile {
  if (bytes.length > POLICY_FILE_BYTES_MAX) {
    throw new EntmootError(
      "malformed_frame",
      `policy file: expected at most ${sizeText(POLICY_FILE_BYTES_MAX)}, found ${sizeText(bytes.length)}`,
    );
  }
  const stored = decodeJson(fileCodec, bytes);
  if (stored.version !== 0 && stored.version !== 1) {
    throw new EntmootError("unsupported", `policy: unsupported store version ${stored.version}`);
  }
  const policies = new Map<GroupId, Policy>();
  const faults: PolicyFileFault[] = [];
  for (const [key, source] of stored.policies) {
    const groupId = groupIdOf(key);
    if (groupId === undefined) {
      faults.push(faultOf(key, groupId, "group id: expected 32 bytes in base64"));
      continue;
    }
    try {
      policies.set(groupId, checkedPolicy(source));
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      faults.push(faultOf(key, groupId, error.message));
    }
  }
  return { policies, sequences: sequencesOf(stored.sequences), faults };
}

function faultOf(key: string, groupId: GroupId | undefined, reason: string): PolicyFileFault {
  return { key, groupId, reason: `policy for group ${key.slice(0, 64)}: ${reason}` };
}

/** The file's bytes: keys sorted, two spaces a level, a final line feed. Throws `invalid_argument` for a zero group. */
export function formatPolicyFile(file: Pick<PolicyFile, "policies" | "sequences">): string {
  if (file.policies.has(GroupId.zero)) throw new EntmootError("invalid_argument", "policy: group id is required");
  const stored: Stored = {
    version: 1,
    policies: byText(file.policies, (policy) => policyCodec.write(policy, "wire")),
    sequences: byText(file.sequences, String),
  };
  return `${indentJson(fileCodec.write(stored, "wire"))}\n`;
}

function byText<T>(values: ReadonlyMap<GroupId, T>, write: (value: T) => string): Map<string, string> {
  return new Map([...values].map(([groupId, value]) => [GroupId.toBase64(groupId), write(value)]));
}

function checkedPolicy(source: string): Policy {
  const policy = decodeJson(policyCodec, source);
  const fault = policyFault(policy);
  if (fault) throw new EntmootError("invalid_argument", fault.reason);
  return policy;
}

function groupIdOf(key: string): GroupId | undefined {
  const bytes = decodeBase64(key);
  return bytes?.length === 32 ? GroupId.fromBytes(bytes) : undefined;
}

/** Keys and values that do not fit are another program's, and are skipped. */
function sequencesOf(stored: ReadonlyMap<string, string>): Map<GroupId, bigint> {
  const sequences = new Map<GroupId, bigint>();
  for (const [key, source] of stored) {
    const groupId = groupIdOf(key);
    if (groupId !== undefined && /^[0-9]{1,20}$/.test(source)) {
      const sequence = decodeSequence(source);
      if (sequence !== undefined) sequences.set(groupId, sequence);
    }
  }
  return sequences;
}

function decodeSequence(source: string): bigint | undefined {
  try {
    return decodeJson(u64, source);
  } catch {
    return undefined;
  }
}
