import { trimSpace } from "../bytes/text.ts";
import { EntmootError } from "../errors.ts";
import { decodeJson, encodeWire, list, optional, struct } from "../json/json-codec.ts";
import { bytes, groupId, i64, omittedBytes, text, u32 } from "../json/json-scalars.ts";
import { invite } from "../record/record-codecs.ts";

/*
 * What a redeemer and an issuer of open invites say to each other over HTTP. Wire: keys, their order and the omit rules
 * are the original's, as are the codes of refusals.
 */

/** Wire. The most either side reads of the other. */
export const EXCHANGE_BYTES_MAX = 1024 * 1024;

const claim = { pilot_node_id: u32, pilot_pubkey: bytes, entmoot_pubkey: bytes };

/** Who asks for a challenge. */
export const challengeRequest = struct("open invite challenge request", claim);

/** What the issuer gives to sign. */
export const challengeAnswer = struct(
  "open invite challenge",
  {
    status: text,
    challenge_id: text,
    canonical_type: text,
    signature_algorithm: text,
    signing_payload: bytes,
    signing_payload_sha256: omittedBytes,
    expires_at_ms: i64,
  },
  { required: ["challenge_id", "signing_payload"] },
);

/** The same claim with the proof. */
export const redeemRequest = struct("open invite redemption", { ...claim, challenge_id: text, pilot_signature: bytes });

/** What a proved redeemer gets. */
export const redeemAnswer = struct(
  "redeemed open invite",
  {
    status: text,
    group_id: groupId,
    invite,
    max_uses: i64,
    use_count: i64,
    bootstrap_peers: optional(list(u32)),
    expires_at_ms: i64,
  },
  { required: ["group_id", "invite"] },
);

/** Why an issuer refuses, with the HTTP status of each. */
export const OPEN_INVITE_REFUSALS = {
  bad_request: 400,
  invalid_challenge: 400,
  invalid_signature: 400,
  forbidden: 403,
  open_invite_not_found: 404,
  open_invite_challenge_not_found: 404,
  open_invite_revoked: 409,
  open_invite_expired: 409,
  open_invite_exhausted: 409,
  open_invite_challenge_expired: 409,
  pilot_unavailable: 503,
} as const satisfies Record<string, number>;

export type OpenInviteRefusal = keyof typeof OPEN_INVITE_REFUSALS;

const envelope = struct(
  "error",
  { error: struct("error", { code: text, message: text }, { required: ["code"] }) },
  { required: ["error"] },
);

/** Ours. Characters of what an issuer says that a failure repeats. */
const SAID_MAX = 300;

/** What an issuer answers instead, as its bytes. */
export function encodeErrorAnswer(code: string, message: string): Uint8Array<ArrayBuffer> {
  return encodeWire(envelope, { error: { code, message } });
}

/** The code and words in an error answer; both empty where it is none. */
export function decodeErrorAnswer(body: Uint8Array): { readonly code: string; readonly message: string } {
  try {
    const { code, message } = decodeJson(envelope, body).error;
    return { code: code.slice(0, SAID_MAX), message: trimSpace(message).slice(0, SAID_MAX) };
  } catch (error) {
    if (error instanceof EntmootError) return { code: "", message: "" };
    throw error;
  }
}
