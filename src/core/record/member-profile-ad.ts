import { encodeUtf8 } from "../bytes/utf8.ts";
import { decodeJson, encodeCanonical } from "../json/json-codec.ts";
import { sign } from "../signature.ts";
import { type AdContext, type AdRejection, checkAd, isNewerAd } from "./ad.ts";
import { namesKey } from "./node-key.ts";
import { memberProfileAd as codec } from "./record-codecs.ts";
import type { MemberProfileAd, NodeInfo } from "./records.ts";

/** Wire. A member's display name, in bytes of UTF-8; peers drop a profile with a longer one. */
export const HOSTNAME_MAX_BYTES = 255;

/** The ad in `input`. Nothing is verified. Throws `malformed_frame`. */
export function decodeMemberProfileAd(input: Uint8Array | string): MemberProfileAd {
  return decodeJson(codec, input);
}

/** The bytes that are signed: no `signature`. */
export function memberProfileAdSigningForm(ad: Omit<MemberProfileAd, "signature">): Uint8Array<ArrayBuffer> {
  return encodeCanonical(codec, { ...ad, signature: new Uint8Array(0) });
}

/** The ad with the signature of `seed`. */
export function signMemberProfileAd({
  seed,
  ...ad
}: Omit<MemberProfileAd, "signature"> & { readonly seed: Uint8Array }): MemberProfileAd {
  return { ...ad, signature: sign(seed, memberProfileAdSigningForm(ad)) };
}

/** True when peers take it: at most 255 bytes, no control character of ASCII. Empty is a hostname withdrawn. */
export function isHostnameValid(hostname: string): boolean {
  for (let i = 0; i < hostname.length; i++) {
    const code = hostname.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return false;
  }
  return encodeUtf8(hostname).length <= HOSTNAME_MAX_BYTES;
}

/** The first check `ad` fails, or `undefined` when it may be stored and passed on. */
export function checkMemberProfileAd(ad: MemberProfileAd, context: AdContext): AdRejection | undefined {
  return checkAd(ad, {
    context,
    bodyIsValid: isHostnameValid(ad.hostname),
    signingForm: memberProfileAdSigningForm(ad),
  });
}

/** Whether `incoming` takes the place of `stored`: it is newer, or names another key of its author. */
export function memberProfileAdReplaces(incoming: MemberProfileAd, stored: MemberProfileAd | undefined): boolean {
  if (isNewerAd(incoming, stored)) return true;
  return stored !== undefined && isNewerAd(incoming, undefined) && !hasSameKey(incoming.author, stored.author);
}

/** Whether an ad may be shown: ads of a key its author no longer has stay stored but say nothing. */
export function isMemberProfileAdCurrent(ad: MemberProfileAd, member: NodeInfo | undefined): boolean {
  return member !== undefined && hasSameKey(ad.author, member);
}

function hasSameKey(a: NodeInfo, b: NodeInfo): boolean {
  return b.entmoot_pubkey == null ? a.entmoot_pubkey == null : namesKey(a, b.entmoot_pubkey);
}
