import { decodeJson, encodeCanonical } from "../json/json-codec.ts";
import { sign } from "../signature.ts";
import { type AdContext, type AdRejection, checkAd, isNewerAd } from "./ad.ts";
import { isEndpointValid } from "./endpoint.ts";
import { namesKey } from "./node-key.ts";
import { transportAd as codec } from "./record-codecs.ts";
import type { TransportAd } from "./records.ts";

/** Wire. The original drops an ad with more endpoints, or with none. */
const TRANSPORT_AD_ENDPOINTS_MAX = 4;

/** The ad in `input`. Nothing is verified. Throws `malformed_frame`. */
export function decodeTransportAd(input: Uint8Array | string): TransportAd {
  return decodeJson(codec, input);
}

/** The bytes that are signed: no `signature`. */
export function transportAdSigningForm(ad: Omit<TransportAd, "signature">): Uint8Array<ArrayBuffer> {
  return encodeCanonical(codec, { ...ad, signature: new Uint8Array(0) });
}

/** The ad with the signature of `seed`. */
export function signTransportAd({
  seed,
  ...ad
}: Omit<TransportAd, "signature"> & { readonly seed: Uint8Array }): TransportAd {
  return { ...ad, signature: sign(seed, transportAdSigningForm(ad)) };
}

/** The first check `ad` fails, or `undefined` when it may be stored and passed on. */
export function checkTransportAd(ad: TransportAd, context: AdContext): AdRejection | undefined {
  const endpoints = ad.endpoints ?? [];
  const bodyIsValid =
    endpoints.length >= 1 && endpoints.length <= TRANSPORT_AD_ENDPOINTS_MAX && endpoints.every(isEndpointValid);
  return checkAd(ad, { context, bodyIsValid, signingForm: transportAdSigningForm(ad) });
}

/**
 * Whether `incoming` takes the place of `stored`. `rosterKey` is the author's current key, if
 * known: an ad left behind by a key since replaced gives way to any of the new key.
 */
export function transportAdReplaces(
  incoming: TransportAd,
  stored: TransportAd | undefined,
  rosterKey?: Uint8Array,
): boolean {
  if (isNewerAd(incoming, stored)) return true;
  if (rosterKey === undefined || !isNewerAd(incoming, undefined)) return false;
  const wasRosters = stored !== undefined && namesKey(stored.author, rosterKey);
  return !wasRosters && namesKey(incoming.author, rosterKey);
}
