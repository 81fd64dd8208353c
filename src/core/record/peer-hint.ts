import { hintKind } from "../admission/address-hint.ts";
import { sizeText } from "../amounts.ts";
import { type UnixMs, unixMs } from "../clock.ts";
import { EntmootError } from "../errors.ts";
import { PublicKey } from "../ids.ts";
import { decodeJson, encodeCanonical, omitted, omittedList, struct } from "../json/json-codec.ts";
import { i64, omittedBytes, publicKey, text, u64 } from "../json/json-scalars.ts";
import { publicKeyOf, sign, verifySignature } from "../signature.ts";

// Ours, all of these: nodes refuse the hints of one that has them otherwise.

/** Part of what is signed, so that no other object's signature is one of a hint; a change of shape is a new type. */
const PEER_HINT_TYPE = "entmoot.peer_hint.v1";
/** As an ad of the original's: every node keeps one for each member and passes it on. */
export const PEER_HINT_BYTES_MAX = 1024;
/** Enough for a node in a few networks; each is one more place that a dial tries. */
export const PEER_HINT_ADDRESSES_MAX = 8;
/** As long as an ad is used; a hint is renewed in half the time. */
export const PEER_HINT_TTL_MAX_MS = 8 * 24 * 60 * 60 * 1000;
/** How far ahead of our clock a hint may be issued: machines are minutes apart, and nobody is to write for next year. */
export const PEER_HINT_AHEAD_MAX_MS = 10 * 60 * 1000;

/** A node's own word on where it can be reached, passed on by others; nothing in it is bound to a group. */
export interface PeerHint {
  readonly type: string;
  readonly author: PublicKey;
  /** Rises with every hint of this author; below 2^63. */
  readonly seq: bigint;
  /** The hint of its home relay, a URL; empty when it has none. */
  readonly relay: string;
  /** Direct hints: `ip:port` or `[ip6]:port`. */
  readonly addresses: readonly string[];
  /** Unix milliseconds, the author's clock. */
  readonly issued_at: bigint;
  readonly not_after: bigint;
  readonly signature: Uint8Array;
}

const peerHintCodec = struct<PeerHint>("peer hint", {
  type: text,
  author: publicKey,
  seq: u64,
  relay: omitted(text),
  addresses: omittedList(text),
  issued_at: i64,
  not_after: i64,
  signature: omittedBytes,
});

/** Builds and signs a hint. Throws `invalid_argument` when it would not verify. */
export function buildPeerHint(fields: Omit<PeerHint, "type" | "author" | "signature">, seed: Uint8Array): PeerHint {
  const unsigned = { ...fields, type: PEER_HINT_TYPE, author: PublicKey.fromBytes(publicKeyOf(seed)) };
  const hint = { ...unsigned, signature: sign(seed, signingForm(unsigned)) };
  verifyPeerHint(hint, unixMs(Number(hint.issued_at)));
  return hint;
}

/** The bytes that are passed on and stored. */
export function encodePeerHint(hint: PeerHint): Uint8Array<ArrayBuffer> {
  return encodeCanonical(peerHintCodec, hint);
}

/**
 * Reads a hint; only the canonical bytes are one. Nothing is verified. Throws `malformed_frame`.
 */
export function decodePeerHint(bytes: Uint8Array): PeerHint {
  if (bytes.length > PEER_HINT_BYTES_MAX) {
    throw new EntmootError(
      "malformed_frame",
      `peer hint: expected at most ${sizeText(PEER_HINT_BYTES_MAX)}, found ${sizeText(bytes.length)}`,
    );
  }
  const hint = decodeJson(peerHintCodec, bytes, { unknownKeys: "refuse" });
  if (encodePeerHint(hint).toHex() !== bytes.toHex()) {
    throw new EntmootError("malformed_frame", "peer hint: expected canonical JSON");
  }
  return hint;
}

/** Until when a hint holds that was verified when it was taken in, Unix milliseconds: a small part of what reading it takes. */
export function hintUntil(bytes: Uint8Array): number {
  return Number((JSON.parse(new TextDecoder().decode(bytes)) as { readonly not_after?: unknown }).not_after ?? 0);
}

/** Verifies values, times and the author's signature. Throws `invalid_argument`, `expired` or `signature_invalid`. */
export function verifyPeerHint(hint: PeerHint, nowMs: UnixMs): void {
  const { type, seq, relay, addresses, issued_at, not_after } = hint;
  const now = BigInt(Math.floor(nowMs));
  if (type !== PEER_HINT_TYPE)
    throw refuse(`expected type ${PEER_HINT_TYPE}, found ${JSON.stringify(type.slice(0, 64))}`);
  if (seq <= 0n || seq >= 2n ** 63n) throw refuse("seq must be from 1 to 2^63 - 1");
  if (addresses.length > PEER_HINT_ADDRESSES_MAX) {
    throw refuse(`expected at most ${PEER_HINT_ADDRESSES_MAX} addresses, found ${addresses.length}`);
  }
  if (relay === "" && addresses.length === 0) throw refuse("expected a relay or an address");
  if (relay !== "" && hintKind(relay) !== "relay") throw refuse("relay must be a URL");
  for (const address of addresses) {
    if (hintKind(address) !== "direct") throw refuse("addresses must be ip:port or [ip6]:port");
  }
  if (not_after <= issued_at) throw refuse("not_after must be after issued_at");
  if (not_after - issued_at > BigInt(PEER_HINT_TTL_MAX_MS))
    throw refuse("not_after must be within 8 days of issued_at");
  if (issued_at > now + BigInt(PEER_HINT_AHEAD_MAX_MS)) throw refuse("issued_at is in the future");
  if (not_after < now) throw new EntmootError("expired", "peer hint: it has expired");
  if (encodePeerHint(hint).length > PEER_HINT_BYTES_MAX)
    throw refuse(`expected at most ${sizeText(PEER_HINT_BYTES_MAX)}`);
  if (!verifySignature(PublicKey.toBytes(hint.author), signingForm(hint), hint.signature)) {
    throw new EntmootError("signature_invalid", "peer hint: the signature is not its author's");
  }
}

/** Whether `hint` takes the place of `held`, of the same author: greater `seq`, or at equal ones greater signature. */
export function supersedes(hint: PeerHint, held: PeerHint | undefined): boolean {
  if (!held) return true;
  if (hint.seq !== held.seq) return hint.seq > held.seq;
  return hint.signature.toHex() > held.signature.toHex();
}

/** Its hints, as they are stored and dialled: direct addresses first. */
export function dialHints({ relay, addresses }: PeerHint): string[] {
  return relay === "" ? [...addresses] : [...addresses, relay];
}

function signingForm(hint: Omit<PeerHint, "signature">): Uint8Array<ArrayBuffer> {
  return encodeCanonical(peerHintCodec, { ...hint, signature: new Uint8Array(0) });
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", `peer hint: ${reason}`);
}
