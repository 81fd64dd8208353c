import { concat } from "../bytes/byte-strings.ts";
import { decodeUtf8, encodeUtf8 } from "../bytes/utf8.ts";
import type { UnixMs } from "../clock.ts";
import { EntmootError } from "../errors.ts";
import { GroupId, PublicKey } from "../ids.ts";
import { PUBLIC_KEY_BYTES, publicKeyOf, SIGNATURE_BYTES, sign, verifySignature } from "../signature.ts";
import { hintKind } from "./address-hint.ts";
import { pastedSpellings } from "./pasted-link.ts";
import { isExpired } from "./redemption.ts";

// Ours, all of these: links in people's hands break if they move.

/** The original's scheme, whose own links begin with `entmoot://open-invite`. */
const PREFIX = "entmoot://join/";
/** The first byte of what the text holds, so that another layout can follow. */
const VERSION = 1;
/** Ahead of what is signed, so that no other object's signature is one of a link. */
const SIGNED_PREFIX = encodeUtf8("entmoot.link.v1\0");
/** Past some 2,000 characters, programs that pass links on cut them; four of iroh's longest hints make one of 1,260. */
export const LINK_CHARS_MAX = 2048;
/** Past it a text is no link that somebody pasted; it is read in a moment up to here. */
const PASTED_CHARS_MAX = 8 * LINK_CHARS_MAX;
/** As many ways to the issuer as an ad of the original's names. */
export const LINK_HINTS_MAX = 4;
/** Sixteen random bytes cannot be guessed; more than 32 only make the link longer. */
const TOKEN_BYTES_MIN = 16;
const TOKEN_BYTES_MAX = 32;
/** Unix milliseconds fit in six bytes until the year 10889. */
const EXPIRY_BYTES = 6;

/** What a link says: who lets you into which group, with what token, where to ask and until when. */
export interface MootLink {
  readonly groupId: GroupId;
  /** Whoever answers for the token; a dial by this key reaches no one else. */
  readonly issuer: PublicKey;
  /** Up to four, as address-hint.ts writes them, of carriers that are told. */
  readonly hints: readonly string[];
  /** 16 to 32 random bytes. */
  readonly token: Uint8Array;
  /** Unix milliseconds; 0: never. */
  readonly expiresAtMs: number;
}

/** Whether `text` is meant as a link of this kind, as people paste it. */
export function isMootLink(text: string): boolean {
  return pastedLinks(text).length > 0;
}

/**
 * The link as text, signed with the issuer's seed. The payload is version, group id, issuer, expiry,
 * token and hints (each with a length byte), then the signature over everything ahead of it. Throws
 * `invalid_argument` for a value that cannot be in a link.
 */
export function formatMootLink(link: Omit<MootLink, "issuer">, seed: Uint8Array): string {
  const issuer = PublicKey.fromBytes(publicKeyOf(seed));
  const body = encodeBody({ ...link, issuer });
  const payload = concat(body, sign(seed, concat(SIGNED_PREFIX, body)));
  const text = PREFIX + payload.toBase64({ alphabet: "base64url", omitPadding: true });
  if (text.length > LINK_CHARS_MAX) throw refuse("invalid_argument", "hints are too long");
  return text;
}

/**
 * Reads and verifies the one link in what a person pasted: quotes, brackets, breaks and marks that nobody sees are not
 * part of it. Expiry is the caller's to check. Throws `invalid_argument` when it is cut, edited or otherwise malformed
 * or not one, `unsupported` for a newer version, `signature_invalid` when the signature is not the issuer's.
 */
export function parseMootLink(text: string): MootLink {
  return findMootLink(text).link;
}

/** As `parseMootLink`, with the link as it was before it was pasted. */
export function findMootLink(text: string): { readonly link: MootLink; readonly spelling: string } {
  if (text.length > PASTED_CHARS_MAX) throw refuse("invalid_argument", tooLong(text.length));
  const found = pastedLinks(text);
  if (found.length === 0) throw refuse("invalid_argument", `expected it to begin with ${PREFIX}`);
  const read = found.map((spellings) => parseFirst(spellings));
  const [first, ...others] = read;
  if (others.some((other) => other.spelling !== first!.spelling)) {
    throw refuse("invalid_argument", `expected one link, found ${found.length}; give them one by one`);
  }
  return first!;
}

/** The spelling that is a link, else what is wrong with the longest. */
function parseFirst(spellings: readonly string[]): { readonly link: MootLink; readonly spelling: string } {
  let failure: unknown;
  for (const spelling of spellings) {
    try {
      return { link: parseExact(spelling), spelling };
    } catch (error) {
      // One that was edited says more than the same with a word too many.
      if (!(failure instanceof EntmootError) || failure.code === "invalid_argument") failure = error;
    }
  }
  throw failure;
}

/** No link has 80 letters and more, drawn by chance, of one case alone. */
function hasLostItsCase(encoded: string): boolean {
  return encoded === encoded.toLowerCase() || encoded === encoded.toUpperCase();
}

function parseExact(trimmed: string): MootLink {
  if (trimmed.length > LINK_CHARS_MAX) throw refuse("invalid_argument", tooLong(trimmed.length));
  const payload = decodePayload(trimmed.slice(PREFIX.length));
  if (payload.length <= SIGNATURE_BYTES) throw cutShort();
  if (hasLostItsCase(trimmed.slice(PREFIX.length))) {
    const next = "small and capital letters differ in it: copy it as it was shown";
    throw refuse("invalid_argument", `all its letters are of one case; ${next}`);
  }
  if (payload[0] !== VERSION) {
    throw refuse("unsupported", `version ${payload[0]} is not known here; update entmootd to use this link`);
  }
  const body = payload.subarray(0, payload.length - SIGNATURE_BYTES);
  const link = decodeBody(body);
  const signature = payload.subarray(payload.length - SIGNATURE_BYTES);
  if (!verifySignature(PublicKey.toBytes(link.issuer), concat(SIGNED_PREFIX, body), signature)) {
    throw refuse("signature_invalid", "the signature is not its issuer's; it was edited or damaged on the way");
  }
  return link;
}

/** Throws `expired` when the link's time is over. */
export function refuseExpiredLink({ expiresAtMs }: MootLink, nowMs: UnixMs): void {
  if (isExpired(expiresAtMs, nowMs)) {
    throw refuse("expired", "it has expired; ask whoever sent it for a new one");
  }
}

function pastedLinks(text: string): readonly (readonly string[])[] {
  return text.length > PASTED_CHARS_MAX ? [] : pastedSpellings(text, PREFIX);
}

function encodeBody({ groupId, issuer, hints, token, expiresAtMs }: MootLink): Uint8Array {
  if (token.length < TOKEN_BYTES_MIN || token.length > TOKEN_BYTES_MAX) {
    throw refuse(
      "invalid_argument",
      `token: expected ${TOKEN_BYTES_MIN} to ${TOKEN_BYTES_MAX} bytes, got ${token.length}`,
    );
  }
  if (hints.length > LINK_HINTS_MAX) {
    throw refuse("invalid_argument", `expected at most ${LINK_HINTS_MAX} hints, got ${hints.length}`);
  }
  if (!Number.isInteger(expiresAtMs) || expiresAtMs < 0 || expiresAtMs >= 2 ** (8 * EXPIRY_BYTES)) {
    throw refuse("invalid_argument", "expiry: expected whole Unix milliseconds, or 0 for never");
  }
  const expiry = new Uint8Array(8);
  new DataView(expiry.buffer).setBigUint64(0, BigInt(expiresAtMs));
  return concat(
    Uint8Array.of(VERSION),
    GroupId.toBytes(groupId),
    PublicKey.toBytes(issuer),
    expiry.subarray(8 - EXPIRY_BYTES),
    withLength(token),
    Uint8Array.of(hints.length),
    ...hints.map((hint) => withLength(encodeUtf8(requireHint(hint)))),
  );
}

function decodeBody(body: Uint8Array): MootLink {
  let at = 1;
  const read = (length: number) => {
    if (at + length > body.length) throw cutShort();
    at += length;
    return body.slice(at - length, at);
  };
  const groupId = GroupId.fromBytes(read(32));
  const issuer = PublicKey.fromBytes(read(PUBLIC_KEY_BYTES));
  const expiresAtMs = Number.parseInt(read(EXPIRY_BYTES).toHex(), 16);
  const token = read(read(1)[0]!);
  if (token.length < TOKEN_BYTES_MIN || token.length > TOKEN_BYTES_MAX) {
    throw refuse(
      "invalid_argument",
      `token: expected ${TOKEN_BYTES_MIN} to ${TOKEN_BYTES_MAX} bytes, found ${token.length}`,
    );
  }
  const count = read(1)[0]!;
  if (count > LINK_HINTS_MAX) {
    throw refuse("invalid_argument", `expected at most ${LINK_HINTS_MAX} hints, found ${count}`);
  }
  const hints = Array.from({ length: count }, () => decodeHint(read(read(1)[0]!)));
  if (at !== body.length)
    throw refuse("invalid_argument", "expected nothing behind the hints; it was edited or damaged");
  if (groupId === GroupId.zero) throw refuse("invalid_argument", "it names no group");
  return { groupId, issuer, hints, token, expiresAtMs };
}

function decodeHint(bytes: Uint8Array): string {
  try {
    return requireHint(decodeUtf8(bytes));
  } catch (cause) {
    throw new EntmootError("invalid_argument", "moot link: expected addresses or relays as hints", { cause });
  }
}

function requireHint(hint: string): string {
  hintKind(hint);
  return hint;
}

function decodePayload(text: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) throw refuse("invalid_argument", "expected base64url behind the last slash");
  try {
    // Strict: unused bits must be zero, so that a link has one spelling.
    return Uint8Array.fromBase64(text + "=".repeat((4 - (text.length % 4)) % 4), {
      alphabet: "base64url",
      lastChunkHandling: "strict",
    });
  } catch (cause) {
    throw new EntmootError("invalid_argument", "moot link: not base64url; it was cut short or edited", { cause });
  }
}

function withLength(bytes: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(bytes.length), bytes);
}

function tooLong(length: number): string {
  return `expected at most ${LINK_CHARS_MAX} characters, found ${length}`;
}

function cutShort(): EntmootError {
  return refuse("invalid_argument", "it ends too early; copy it whole");
}

function refuse(code: "invalid_argument" | "unsupported" | "signature_invalid" | "expired", reason: string) {
  return new EntmootError(code, `moot link: ${reason}`);
}
