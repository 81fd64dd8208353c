import { sizeText } from "../amounts.ts";
import { decodeUtf8 } from "../bytes/utf8.ts";
import type { UnixMs } from "../clock.ts";
import { EntmootError } from "../errors.ts";
import { decodeJson, encodeCanonical, encodeWire } from "../json/json-codec.ts";
import { indentJson } from "../json/json-indent.ts";
import { invite as inviteCodec } from "../record/record-codecs.ts";
import type { BootstrapPeer, Invite } from "../record/records.ts";
import { sign, verifySignature } from "../signature.ts";

/** Ours and the original's. How long an invite holds when nothing else is asked; readers go by the end it names. */
export const INVITE_TTL_MS = 24 * 60 * 60 * 1000;
/** Ours and the original's. Peers named in an invite when none are asked for: the founder, and others for when it is away. */
const BOOTSTRAP_PEERS_DEFAULT = 5;
/** Ours. Larger texts are no invite; one with many peers has a few KiB. */
export const INVITE_BYTES_MAX = 1024 * 1024;

/** Everything an issuer decides; the signature follows from it. */
export type InviteFields = Omit<Invite, "signature">;

/** Reads an invite's JSON. Nothing is verified. Throws `malformed_frame`. */
export function decodeInvite(input: Uint8Array | string): Invite {
  if (input.length > INVITE_BYTES_MAX) {
    throw new EntmootError(
      "malformed_frame",
      `invite: expected at most ${sizeText(INVITE_BYTES_MAX)}, found ${sizeText(input.length)}`,
    );
  }
  return decodeJson(inviteCodec, input);
}

/** The bytes the issuer signs. */
export function inviteSigningForm(fields: InviteFields): Uint8Array<ArrayBuffer> {
  return encodeCanonical(inviteCodec, { ...fields, signature: new Uint8Array(0) });
}

/** Signs an invite with the issuer's 32-byte seed. Throws `invalid_argument` when that is not the issuer's. */
export function createInvite(fields: InviteFields, seed: Uint8Array): Invite {
  const signing = inviteSigningForm(fields);
  const invite = { ...fields, signature: sign(seed, signing) };
  if (!verifySignature(fields.issuer.entmoot_pubkey, signing, invite.signature)) {
    throw new EntmootError("invalid_argument", "invite: the signing key is not the issuer's");
  }
  return invite;
}

/**
 * Verifies the signature by the key inside the invite, and then that it has not expired; the last
 * millisecond still counts. Nothing here ties the issuer to the group: that shows once the roster is
 * there. Throws `signature_invalid` or `expired`.
 */
export function verifyInvite(invite: Invite, nowMs: UnixMs): void {
  const key = invite.issuer.entmoot_pubkey;
  if (key === null || key.length === 0) {
    throw new EntmootError("signature_invalid", "entmoot: signature invalid: invite issuer has no pubkey");
  }
  if (!verifySignature(key, inviteSigningForm(invite), invite.signature)) {
    throw new EntmootError("signature_invalid", "entmoot: signature invalid: invite signature does not verify");
  }
  refuseExpired(invite, nowMs);
}

/** Throws `expired` when the invite asserts an expiry that has passed. */
export function refuseExpired({ valid_until }: Pick<Invite, "valid_until">, nowMs: UnixMs): void {
  if (valid_until > 0n && BigInt(Math.floor(nowMs)) > valid_until) {
    throw new EntmootError(
      "expired",
      `entmoot: invite has expired: valid_until=${valid_until} now=${Math.floor(nowMs)}; ask its issuer for a new one`,
    );
  }
}

/** The text the command line prints and files hold: two spaces a level, no final line feed. */
export function formatInvite(invite: Invite): string {
  return indentJson(decodeUtf8(encodeWire(inviteCodec, invite)));
}

/**
 * The node ids an invite names as first contacts: those asked for, else the founder and then other
 * members by ascending id, at most five; never `without` (the issuer, or whom it is for), each once.
 */
export function bootstrapNodeIds(choice: {
  readonly asked: readonly number[] | undefined;
  readonly founder: number;
  readonly members: readonly number[];
  readonly without: number;
}): number[] {
  const others = choice.members.filter((id) => id !== choice.founder).toSorted((a, b) => a - b);
  const candidates = choice.asked ?? [choice.founder, ...others].slice(0, BOOTSTRAP_PEERS_DEFAULT);
  return [...new Set(candidates)].filter((id) => id !== choice.without);
}

/** A first contact known by its node id alone, as the original writes them. */
export function bareBootstrapPeer(nodeId: number): BootstrapPeer {
  return { node_id: nodeId, hostname: "", endpoints: [] };
}
