import { sameBytes } from "../bytes/byte-strings.ts";
import { encodeUtf8 } from "../bytes/utf8.ts";
import type { UnixMs } from "../clock.ts";
import { EntmootError } from "../errors.ts";
import { GroupId } from "../ids.ts";
import { decodeJson, encodeCanonical, struct } from "../json/json-codec.ts";
import { bytes, groupId, i64, text, u32 } from "../json/json-scalars.ts";
import { verifySignature } from "../signature.ts";
import { tokenHash } from "./open-invite.ts";

/** Wire. Part of what is signed: the original builds the envelope again and compares every byte. */
const PROOF_TYPE = "entmoot.open_invite.redeem.v1";
/** Wire. The Pilot daemon puts this ahead of what it is asked to sign. */
const PILOT_SIGN_PREFIX = encodeUtf8("pilot.ipc.sign_challenge.v1\0");
/** Ours. An envelope has under 600 bytes. */
export const PROOF_BYTES_MAX = 16 * 1024;

/** What a redeemer's Pilot key signs, to show who asks. */
interface ProofEnvelope {
  readonly type: string;
  readonly token_hash: string;
  readonly group_id: GroupId;
  readonly challenge_id: string;
  readonly nonce: string;
  readonly issued_at_ms: bigint;
  readonly expires_at_ms: bigint;
  readonly pilot_node_id: number;
  readonly pilot_pubkey: Uint8Array | null;
  readonly entmoot_pubkey: Uint8Array | null;
}

const envelopeCodec = struct<ProofEnvelope>("open invite proof", {
  type: text,
  token_hash: text,
  group_id: groupId,
  challenge_id: text,
  nonce: text,
  issued_at_ms: i64,
  expires_at_ms: i64,
  pilot_node_id: u32,
  pilot_pubkey: bytes,
  entmoot_pubkey: bytes,
});

/** Who redeems. */
interface Redeemer {
  readonly pilotNodeId: number;
  readonly pilotPublicKey: Uint8Array;
  readonly entmootPublicKey: Uint8Array;
}

/** The canonical envelope an issuer hands out. */
export function buildProofEnvelope(envelope: Omit<ProofEnvelope, "type">): Uint8Array<ArrayBuffer> {
  return encodeCanonical(envelopeCodec, { ...envelope, type: PROOF_TYPE });
}

/** The bytes the Pilot key signs over an envelope. */
export function pilotSignedBytes(envelope: Uint8Array): Uint8Array<ArrayBuffer> {
  const signed = new Uint8Array(PILOT_SIGN_PREFIX.length + envelope.length);
  signed.set(PILOT_SIGN_PREFIX);
  signed.set(envelope, PILOT_SIGN_PREFIX.length);
  return signed;
}

/** Whether `signature` is the Pilot key's over an envelope. */
export function verifyPilotProof(pilotPublicKey: Uint8Array, envelope: Uint8Array, signature: Uint8Array): boolean {
  return verifySignature(pilotPublicKey, pilotSignedBytes(envelope), signature);
}

type ProofFault =
  | "malformed"
  | "non_canonical"
  | "bad_type"
  | "bad_token"
  | "bad_challenge_id"
  | "zero_group"
  | "expired"
  | "bad_identity";

/**
 * What a redeemer looks at before its Pilot key signs what an issuer sent: the envelope, or the first
 * thing wrong with it. A node that skips this can be made to sign for someone else.
 */
export function checkProofEnvelope(
  payload: Uint8Array,
  expected: {
    readonly token: string;
    readonly challengeId: string;
    readonly redeemer: Redeemer;
    readonly nowMs: UnixMs;
  },
): ProofEnvelope | ProofFault {
  const envelope = payload.length <= PROOF_BYTES_MAX ? decodeEnvelope(payload) : undefined;
  if (!envelope) return "malformed";
  if (!sameBytes(encodeCanonical(envelopeCodec, envelope), payload)) return "non_canonical";
  if (envelope.type !== PROOF_TYPE) return "bad_type";
  if (envelope.token_hash !== tokenHash(expected.token)) return "bad_token";
  if (envelope.challenge_id === "" || envelope.challenge_id !== expected.challengeId) return "bad_challenge_id";
  if (envelope.group_id === GroupId.zero) return "zero_group";
  if (envelope.expires_at_ms <= BigInt(Math.floor(expected.nowMs))) return "expired";
  return isOwn(envelope, expected.redeemer) ? envelope : "bad_identity";
}

function decodeEnvelope(payload: Uint8Array): ProofEnvelope | undefined {
  try {
    return decodeJson(envelopeCodec, payload);
  } catch (error) {
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
}

function isOwn(envelope: ProofEnvelope, redeemer: Redeemer): boolean {
  return (
    envelope.pilot_node_id === redeemer.pilotNodeId &&
    sameBytes(envelope.pilot_pubkey, redeemer.pilotPublicKey) &&
    sameBytes(envelope.entmoot_pubkey, redeemer.entmootPublicKey)
  );
}
