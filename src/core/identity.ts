import { sizeText } from "./amounts.ts";
import { decodeBase64 } from "./bytes/base64.ts";
import { EntmootError } from "./errors.ts";
import { decodeJson, struct } from "./json/json-codec.ts";
import { text } from "./json/json-scalars.ts";
import { PUBLIC_KEY_BYTES, publicKeyOf, SEED_BYTES } from "./signature.ts";

/** The key pair a node is. */
export interface Identity {
  /** 32 bytes; whoever holds them is the node. */
  readonly seed: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** Why an identity file is refused. */
type IdentityProblem = "not_json" | "bad_base64" | "bad_length" | "key_mismatch" | "seed_mismatch";

/** Wire. In the file the seed is followed by the public key; the original refuses one of another length. */
const PRIVATE_KEY_BYTES = SEED_BYTES + PUBLIC_KEY_BYTES;

/** Ours. The file has 176 bytes; this leaves room for blanks and foreign keys. */
const FILE_MAX_BYTES = 64 * 1024;

interface IdentityFile {
  readonly private_key: string;
  readonly public_key: string;
}

/** Wire: the key order in which the original writes the file. */
const identityFile = struct<IdentityFile>("identity file", { private_key: text, public_key: text });

/** The key pair of a 32-byte seed. Throws `invalid_argument` on another length. */
export function identityOf(seed: Uint8Array): Identity {
  return { seed: seed.slice(), publicKey: publicKeyOf(seed) };
}

/** The key pair in an identity file, or why there is none. */
export function readIdentity(file: Uint8Array): Identity | IdentityProblem {
  let fields: IdentityFile;
  try {
    if (file.length > FILE_MAX_BYTES) return "not_json";
    fields = decodeJson(identityFile, file);
  } catch {
    return "not_json";
  }
  const privateKey = decodeBase64(fields.private_key);
  const publicKey = decodeBase64(fields.public_key);
  if (privateKey === undefined || publicKey === undefined) return "bad_base64";
  if (privateKey.length !== PRIVATE_KEY_BYTES || publicKey.length !== PUBLIC_KEY_BYTES) return "bad_length";
  if (privateKey.subarray(SEED_BYTES).toHex() !== publicKey.toHex()) return "key_mismatch";
  const identity = identityOf(privateKey.subarray(0, SEED_BYTES));
  // With the seed of another key, nothing this node signs would ever verify.
  return identity.publicKey.toHex() === publicKey.toHex() ? identity : "seed_mismatch";
}

const PROBLEMS: Readonly<Record<IdentityProblem, string>> = {
  not_json: `expected one JSON object of at most ${sizeText(FILE_MAX_BYTES)} with texts private_key and public_key`,
  bad_base64: "expected private_key and public_key in standard padded base64",
  bad_length: `expected private_key of ${PRIVATE_KEY_BYTES} bytes and public_key of ${PUBLIC_KEY_BYTES} bytes`,
  key_mismatch: "public_key is not the one private_key ends with",
  seed_mismatch: "public_key does not belong to the seed private_key starts with",
};

/** The key pair in an identity file. Throws `identity_invalid` saying why; restore the file from a backup then. */
export function parseIdentity(file: Uint8Array): Identity {
  const identity = readIdentity(file);
  if (typeof identity !== "string") return identity;
  throw new EntmootError("identity_invalid", `identity file: ${PROBLEMS[identity]}; restore it from a backup`);
}

/** The identity file of a key pair: two-space indented, with a final line feed. */
export function formatIdentity({ seed, publicKey }: Identity): string {
  const file: IdentityFile = {
    private_key: Buffer.concat([seed, publicKey]).toBase64(),
    public_key: publicKey.toBase64(),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}
