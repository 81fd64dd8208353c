import { type OpenInvite, type OpenInviteForms, openInviteForms, parseOpenInvite } from "../admission/open-invite.ts";
import { sizeText } from "../amounts.ts";
import { trimSpace } from "../bytes/text.ts";
import { EntmootError } from "../errors.ts";
import { GroupId } from "../ids.ts";
import { decodeJson, encodeCanonical, encodeWire, omitted, omittedList, optional, struct } from "../json/json-codec.ts";
import { bool, groupId, i64, omittedBytes, text } from "../json/json-scalars.ts";
import { type Policy, policyCodec, policyFault } from "../policy/policy.ts";
import { publicKeyOf, SIGNATURE_BYTES, sign, verifySignature } from "../signature.ts";
import { keyOf, namesKey } from "./node-key.ts";
import { nodeInfo } from "./record-codecs.ts";
import type { NodeInfo } from "./records.ts";

/** Wire. The original refuses a descriptor of any other type. */
export const PUBLIC_MOOT_TYPE = "entmoot.public_moot.v1";
/** Wire. The most a directory of the original reads. */
export const PUBLIC_MOOT_BYTES_MAX = 1024 * 1024;
/** Wire. Who may find a group, and who may enter it: the two are apart, and the original knows no other words for either. */
export const VISIBILITIES = ["private", "unlisted", "public"] as const;
export const JOIN_MODES = ["invite_only", "open_invite"] as const;

/** A founder's signed description of a group for directories. */
export interface PublicMoot {
  readonly type: string;
  readonly group_id: GroupId;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly visibility: string;
  readonly join_mode: string;
  readonly open_invite: OpenInviteForms | undefined;
  readonly policy: Policy;
  readonly founder: NodeInfo;
  readonly indexing: { readonly directory: boolean; readonly messages: boolean };
  readonly updated_at_ms: bigint;
  /** 0: none. */
  readonly expires_at_ms: bigint;
  readonly signature: Uint8Array;
}

/** Everything the founder decides. */
type PublicMootFields = Omit<PublicMoot, "type" | "visibility" | "indexing" | "signature">;

/** Wire. The original verifies the signature over the keys and omit rules as they stand here. */
const publicMootCodec = struct<PublicMoot>("public moot descriptor", {
  type: text,
  group_id: groupId,
  name: text,
  description: omitted(text),
  tags: omittedList(text),
  visibility: text,
  join_mode: text,
  open_invite: optional(openInviteForms),
  policy: policyCodec,
  founder: nodeInfo,
  indexing: struct<PublicMoot["indexing"]>("indexing", { directory: bool, messages: bool }),
  updated_at_ms: i64,
  expires_at_ms: omitted(i64),
  signature: omittedBytes,
});

/** Reads a descriptor; unknown keys are refused at every depth. Nothing is verified. Throws `malformed_frame`. */
export function decodePublicMoot(input: Uint8Array): PublicMoot {
  if (input.length > PUBLIC_MOOT_BYTES_MAX) {
    throw new EntmootError(
      "malformed_frame",
      `public moot descriptor: expected at most ${sizeText(PUBLIC_MOOT_BYTES_MAX)}, found ${sizeText(input.length)}`,
    );
  }
  return decodeJson(publicMootCodec, input, { unknownKeys: "refuse" });
}

/** The descriptor as it is published. */
export function encodePublicMoot(descriptor: PublicMoot): Uint8Array<ArrayBuffer> {
  return encodeWire(publicMootCodec, descriptor);
}

/** The bytes the founder signs. */
export function publicMootSigningForm(descriptor: Omit<PublicMoot, "signature">): Uint8Array<ArrayBuffer> {
  return encodeCanonical(publicMootCodec, { ...descriptor, signature: new Uint8Array(0) });
}

/** Signs a descriptor with the founder's seed. Throws `invalid_argument` when it would not verify. */
export function buildPublicMoot(fields: PublicMootFields, seed: Uint8Array): PublicMoot {
  const unsigned = {
    ...fields,
    type: PUBLIC_MOOT_TYPE,
    visibility: "public",
    indexing: { directory: true, messages: false },
  };
  if (!namesKey(fields.founder, publicKeyOf(seed))) {
    throw refuse("the signing key is not the founder's");
  }
  const descriptor = { ...unsigned, signature: sign(seed, publicMootSigningForm(unsigned)) };
  verifyPublicMoot(descriptor);
  return descriptor;
}

/**
 * Verifies values and signature by the founder key inside, and returns the open invite if there is one.
 * Throws `invalid_argument` or `signature_invalid`. That this key founded this group shows only when
 * its roster is there; expiry is the reader's business.
 */
export function verifyPublicMoot(descriptor: PublicMoot): OpenInvite | undefined {
  const openInvite = verifyValues(descriptor);
  const { founder, signature } = descriptor;
  if (!verifySignature(founder.entmoot_pubkey, publicMootSigningForm(descriptor), signature)) {
    throw new EntmootError(
      "signature_invalid",
      "publicmoot: invalid descriptor signature: it does not verify with the founder's key",
    );
  }
  return openInvite;
}

function verifyValues(descriptor: PublicMoot): OpenInvite | undefined {
  const { founder, indexing, updated_at_ms, expires_at_ms } = descriptor;
  if (descriptor.type !== PUBLIC_MOOT_TYPE) throw refuse(`type must be ${PUBLIC_MOOT_TYPE}`);
  if (descriptor.group_id === GroupId.zero) throw refuse("group_id is required");
  if (trimSpace(descriptor.name) === "") throw refuse("name is required");
  if (descriptor.visibility !== "public") throw refuse("visibility must be public");
  const openInvite = openInviteOf(descriptor);
  const fault = policyFault(descriptor.policy);
  if (fault) throw refuse(`policy: ${fault.reason}`);
  if (founder.pilot_node_id === 0) throw refuse("founder node id is required");
  if (keyOf(founder) === undefined) throw refuse("founder key must be 32 bytes");
  if (!indexing.directory) throw refuse("indexing.directory must be true");
  if (indexing.messages) throw refuse("indexing.messages must be false");
  if (updated_at_ms <= 0n) throw refuse("updated_at_ms must be positive");
  if (expires_at_ms > 0n && expires_at_ms <= updated_at_ms) throw refuse("expires_at_ms must be after updated_at_ms");
  if (descriptor.signature.length !== SIGNATURE_BYTES) throw refuse("signature must be 64 bytes");
  return openInvite;
}

function openInviteOf({ join_mode, open_invite }: PublicMoot): OpenInvite | undefined {
  if (join_mode === "invite_only") {
    if (open_invite) throw refuse("open_invite must be absent when join_mode is invite_only");
    return undefined;
  }
  if (join_mode !== "open_invite") throw refuse(`join_mode must be ${JOIN_MODES.join(" or ")}`);
  if (!open_invite) throw refuse("open_invite is required when join_mode is open_invite");
  try {
    return parseOpenInvite(open_invite, "refuse");
  } catch (error) {
    if (error instanceof EntmootError) throw refuse(error.message);
    throw error;
  }
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", `publicmoot: invalid descriptor: ${reason}`);
}
