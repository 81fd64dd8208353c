import { sizeText } from "../amounts.ts";
import { decodeBase64 } from "../bytes/base64.ts";
import { trimSpace } from "../bytes/text.ts";
import { EntmootError } from "../errors.ts";
import { GroupId, PublicKey } from "../ids.ts";
import { decodeJson, encodeCanonical, encodeWire, list, omitted, struct } from "../json/json-codec.ts";
import { bytes, groupId, i64, omittedBytes, text } from "../json/json-scalars.ts";
import { type Policy, policyCodec, policyFault } from "../policy/policy.ts";
import { keyOf } from "../record/node-key.ts";
import { nodeInfo } from "../record/record-codecs.ts";
import type { NodeInfo } from "../record/records.ts";
import { publicKeyOf, SIGNATURE_BYTES, sign, verifySignature } from "../signature.ts";
import {
  agreeing,
  type OpenInvite,
  type OpenInviteForms,
  openInviteForms,
  parseOpenInvite,
  parseOpenInviteLink,
} from "./open-invite.ts";

/** Wire. The original refuses a descriptor of another type, name or topics. */
export const DEFAULT_MOOT_TYPE = "entmoot.default_moot.v1";
export const DEFAULT_MOOT_NAME = "The Ent Moot";
export const DEFAULT_MOOT_TOPICS: readonly string[] = ["chat/general", "introductions"];
/** Wire. Where the original looks for its descriptor. */
export const DEFAULT_MOOT_URL = "https://entmoot.xyz/.well-known/the-ent-moot.json";
/** Wire. What the original keeps as display metadata of whoever joined by it. */
export const DEFAULT_MOOT_METADATA =
  '{"default_moot":true,"description":"Official default public Entmoot moot","name":"The Ent Moot","tags":["default","public","entmoot"]}';
/** Wire. The key the original has built in: it takes a descriptor of no other signer, unless the environment names one. */
export const DEFAULT_MOOT_KEY = PublicKey.fromHex("52c215fa26891258d86527625be87d36803eaa404d86c6530001093f0789af3f");
/** Wire and ours. What the original fetches of a descriptor at most; here it bounds one that was read from a file too. */
export const DESCRIPTOR_BYTES_MAX = 1024 * 1024;

/** How a live agent should take part. */
interface LiveConfig {
  readonly mode: string;
  readonly allowed_actions: readonly string[] | null;
  readonly max_actions: bigint;
  readonly max_action_bytes: bigint;
}

/** Wire. The only live configuration a default moot may recommend: the original refuses one with another. */
export const DEFAULT_MOOT_LIVE_CONFIG: LiveConfig = {
  mode: "converse",
  allowed_actions: ["reply"],
  max_actions: 1n,
  max_action_bytes: 4096n,
};

/** The signed description of the moot every node is offered. */
export interface DefaultMoot {
  readonly type: string;
  readonly name: string;
  readonly group_id: GroupId;
  readonly open_invite: OpenInviteForms;
  readonly open_invite_link: string;
  readonly descriptor_signer_pubkey: Uint8Array | null;
  /** Who issues its invites. */
  readonly issuer: NodeInfo;
  readonly default_topics: readonly string[] | null;
  readonly recommended_live_config: LiveConfig;
  readonly policy: Policy;
  readonly issued_at_ms: bigint;
  readonly signature: Uint8Array;
}

/** Everything the signer decides. */
type DefaultMootFields = Omit<DefaultMoot, "type" | "descriptor_signer_pubkey" | "signature">;

const liveConfig = struct<LiveConfig>("live config", {
  mode: text,
  allowed_actions: list(text),
  max_actions: i64,
  max_action_bytes: i64,
});

/** JSON text of a recommendation, keys in the usual order. */
export function liveConfigText(config: LiveConfig): string {
  return new TextDecoder().decode(encodeWire(liveConfig, config));
}

/** Wire. The original verifies the signature over the keys and omit rules as they stand here. */
export const defaultMootCodec = struct<DefaultMoot>("default moot descriptor", {
  type: text,
  name: text,
  group_id: groupId,
  open_invite: openInviteForms,
  open_invite_link: omitted(text),
  descriptor_signer_pubkey: bytes,
  issuer: nodeInfo,
  default_topics: list(text),
  recommended_live_config: liveConfig,
  policy: policyCodec,
  issued_at_ms: i64,
  signature: omittedBytes,
});

/** Reads a descriptor; unknown keys are refused at every depth. Nothing is verified. Throws `malformed_frame`. */
export function decodeDefaultMoot(input: Uint8Array): DefaultMoot {
  if (input.length > DESCRIPTOR_BYTES_MAX) {
    throw new EntmootError(
      "malformed_frame",
      `default moot descriptor: expected at most ${sizeText(DESCRIPTOR_BYTES_MAX)}, found ${sizeText(input.length)}`,
    );
  }
  return decodeJson(defaultMootCodec, input, { unknownKeys: "refuse" });
}

/** The descriptor as it is published. */
export function encodeDefaultMoot(descriptor: DefaultMoot): Uint8Array<ArrayBuffer> {
  return encodeWire(defaultMootCodec, descriptor);
}

/** The bytes the signer signs. */
export function defaultMootSigningForm(descriptor: Omit<DefaultMoot, "signature">): Uint8Array<ArrayBuffer> {
  return encodeCanonical(defaultMootCodec, { ...descriptor, signature: new Uint8Array(0) });
}

/** Signs a descriptor with the signer's seed. Throws `invalid_argument` when it would not verify. */
export function buildDefaultMoot(fields: DefaultMootFields, seed: Uint8Array): DefaultMoot {
  const key = publicKeyOf(seed);
  const unsigned = { ...fields, type: DEFAULT_MOOT_TYPE, descriptor_signer_pubkey: key };
  const descriptor = { ...unsigned, signature: sign(seed, defaultMootSigningForm(unsigned)) };
  verifyDefaultMoot(descriptor, key);
  return descriptor;
}

/**
 * Verifies shape, values and signature against the pinned key, and returns its open invite. Throws
 * `invalid_argument` or `signature_invalid`. Nothing here says the descriptor is recent: callers keep the
 * highest `issued_at_ms` they accepted and refuse to go back.
 */
export function verifyDefaultMoot(descriptor: DefaultMoot, pinnedKey: Uint8Array): OpenInvite {
  const { descriptor_signer_pubkey: key } = descriptor;
  const openInvite = verifyValues(descriptor);
  if (pinnedKey.length !== 32) throw refuseSignature("pinned key must be 32 bytes");
  if (key?.toHex() !== pinnedKey.toHex()) throw refuseSignature("signer is not the pinned key");
  if (!verifySignature(key, defaultMootSigningForm(descriptor), descriptor.signature)) {
    throw refuseSignature("signature does not verify");
  }
  return openInvite;
}

/** The key in `ENTMOOT_DEFAULT_MOOT_DESCRIPTOR_PUBKEY`, in any base64. Throws `invalid_argument`. */
export function parsePinnedKey(value: string): PublicKey {
  const packed = trimSpace(value).replace(/[\r\n]/g, "");
  const key = BASE64_FORMS.map((decode) => decode(packed)).find((decoded) => decoded !== undefined);
  if (key?.length !== 32) {
    throw new EntmootError("invalid_argument", "default moot: expected a pinned key of 32 bytes in base64");
  }
  return PublicKey.fromBytes(key);
}

/** In the order tried; the first that reads the text decides. */
const BASE64_FORMS: readonly ((value: string) => Uint8Array | undefined)[] = [
  decodeBase64,
  (value) => decodeUnpadded(value, /^[A-Za-z0-9+/]*$/),
  (value) => (value.includes("=") ? decodeBase64(toStandard(value)) : undefined),
  (value) => decodeUnpadded(value, /^[A-Za-z0-9_-]*$/),
];

function decodeUnpadded(value: string, alphabet: RegExp): Uint8Array | undefined {
  if (!alphabet.test(value)) return undefined;
  return decodeBase64(toStandard(value) + "=".repeat((4 - (value.length % 4)) % 4));
}

function toStandard(value: string): string {
  return value.replaceAll("-", "+").replaceAll("_", "/");
}

function verifyValues(descriptor: DefaultMoot): OpenInvite {
  const { type, name, group_id, issuer, policy, signature } = descriptor;
  if (type !== DEFAULT_MOOT_TYPE) throw refuse(`type must be ${DEFAULT_MOOT_TYPE}`);
  if (trimSpace(name) !== DEFAULT_MOOT_NAME) throw refuse(`name must be ${JSON.stringify(DEFAULT_MOOT_NAME)}`);
  if (group_id === GroupId.zero) throw refuse("group_id is required");
  const openInvite = openInviteOf(descriptor);
  if (descriptor.descriptor_signer_pubkey?.length !== 32) throw refuse("descriptor_signer_pubkey must be 32 bytes");
  if (issuer.pilot_node_id === 0) throw refuse("issuer node id is required");
  if (keyOf(issuer) === undefined) throw refuse("issuer key must be 32 bytes");
  if (!sameTexts(descriptor.default_topics, DEFAULT_MOOT_TOPICS)) {
    throw refuse(`default_topics must be ${DEFAULT_MOOT_TOPICS.join(", ")}`);
  }
  if (!isDefaultLiveConfig(descriptor.recommended_live_config)) {
    throw refuse("recommended_live_config must be converse, reply, 1 action of 4096 bytes");
  }
  const fault = policyFault(policy);
  if (fault) throw refuse(`policy: ${fault.reason}`);
  if (descriptor.issued_at_ms <= 0n) throw refuse("issued_at_ms must be positive");
  if (signature.length !== SIGNATURE_BYTES) throw refuse("signature must be 64 bytes");
  return openInvite;
}

function openInviteOf({ open_invite, open_invite_link }: DefaultMoot): OpenInvite {
  try {
    const { issuer_url, token, link } = open_invite;
    return agreeing([
      ...(issuer_url !== "" || token !== "" || link !== "" ? [parseOpenInvite(open_invite, "refuse")] : []),
      ...(open_invite_link !== "" ? [parseOpenInviteLink(open_invite_link, "refuse")] : []),
    ]);
  } catch (error) {
    if (error instanceof EntmootError) throw refuse(error.message);
    throw error;
  }
}

function isDefaultLiveConfig({ mode, allowed_actions, max_actions, max_action_bytes }: LiveConfig): boolean {
  const wanted = DEFAULT_MOOT_LIVE_CONFIG;
  return (
    mode === wanted.mode &&
    sameTexts(allowed_actions, wanted.allowed_actions!) &&
    max_actions === wanted.max_actions &&
    max_action_bytes === wanted.max_action_bytes
  );
}

function sameTexts(found: readonly string[] | null, wanted: readonly string[]): boolean {
  return found?.length === wanted.length && found.every((text, i) => text === wanted[i]);
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", `defaultmoot: invalid descriptor: ${reason}`);
}

function refuseSignature(reason: string): EntmootError {
  return new EntmootError("signature_invalid", `defaultmoot: invalid descriptor signature: ${reason}`);
}
