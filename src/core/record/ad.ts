import type { UnixMs } from "../clock.ts";
import type { GroupId } from "../ids.ts";
import { verifySignature } from "../signature.ts";
import type { NodeInfo } from "./records.ts";

/** Wire. Peers drop an ad with a longer signing form. */
const AD_SIGNING_FORM_MAX_BYTES = 1024;

/** Wire. Peers keep `seq` as a signed 64-bit number; the one after this locks an author out of theirs. */
export const AD_SEQ_MAX = 2n ** 63n - 1n;

const DAY_MS = 86_400_000;

/** Ours and the original's. How long an ad is good for when it is published; its author renews it well before. */
export const AD_LIFETIME_MS = 7 * DAY_MS;

/**
 * Ours. An ad may claim any lifetime; further than this from when it was issued (what is published, and a day for
 * clocks), it is passed on but not used.
 */
export const AD_USE_MAX_MS = 8 * DAY_MS;

/** What transport and profile ads have in common. */
interface Ad {
  readonly group_id: GroupId;
  readonly author: NodeInfo;
  /** uint64; the author counts up from 1. */
  readonly seq: bigint;
  /** int64, Unix milliseconds. */
  readonly issued_at: bigint;
  /** int64, Unix milliseconds. */
  readonly not_after: bigint;
  readonly signature: Uint8Array;
}

/** The check an incoming ad fails first. */
export type AdRejection =
  | "wrong_group"
  | "bad_times"
  | "bad_seq"
  | "bad_body"
  | "own_ad"
  | "too_large"
  | "untrusted_sender"
  | "not_member"
  | "rate_limited"
  | "bad_signature";

/** What a node knows when an ad comes in. */
export interface AdContext {
  readonly groupId: GroupId;
  readonly localNodeId: number;
  readonly nowMs: UnixMs;
  /** Whether ads are taken from the peer that sent this one; true when trust is not known. */
  readonly isSenderTrusted: boolean;
  /** The current roster key of a member; `undefined` for others. */
  memberKey(nodeId: number): Uint8Array | null | undefined;
  /** Charges the sender for the bytes of a signing form; false when it has sent too much. */
  charge(bytes: number): boolean;
}

/**
 * The first check `ad` fails, or `undefined` when it is good. Checks run cheapest first, and the
 * sender is charged only for what passed those before. `bodyIsValid` is the ad's own rule.
 */
export function checkAd(
  ad: Ad,
  args: { readonly context: AdContext; readonly bodyIsValid: boolean; readonly signingForm: Uint8Array },
): AdRejection | undefined {
  const { context, bodyIsValid, signingForm } = args;
  if (ad.group_id !== context.groupId) return "wrong_group";
  if (!areTimesValid(ad, context.nowMs)) return "bad_times";
  if (ad.seq > AD_SEQ_MAX) return "bad_seq";
  if (!bodyIsValid) return "bad_body";
  if (ad.author.pilot_node_id === context.localNodeId) return "own_ad";
  if (signingForm.length > AD_SIGNING_FORM_MAX_BYTES) return "too_large";
  if (!context.isSenderTrusted) return "untrusted_sender";
  const key = context.memberKey(ad.author.pilot_node_id);
  if (key === undefined) return "not_member";
  if (!context.charge(signingForm.length)) return "rate_limited";
  return verifySignature(key, signingForm, ad.signature) ? undefined : "bad_signature";
}

/**
 * Last writer wins: whether `incoming` takes the place of `stored`. Among equal `seq` the greater
 * signature wins, so that peers that saw them in another order agree.
 */
export function isNewerAd(incoming: Ad, stored: Ad | undefined): boolean {
  if (incoming.seq > AD_SEQ_MAX) return false;
  if (stored === undefined || incoming.seq > stored.seq) return true;
  return incoming.seq === stored.seq && Buffer.compare(incoming.signature, stored.signature) > 0;
}

/** Whether an ad is still listed and passed on: through `not_after` itself. */
export function isAdListed({ not_after }: Pick<Ad, "not_after">, nowMs: UnixMs): boolean {
  return not_after >= BigInt(nowMs);
}

/**
 * Whether an ad is still used: listed, and at most eight days from when it says it was issued, in either direction.
 * So no author is shown by one ad for ever, whatever lifetime it claims.
 */
export function isAdUsable({ issued_at, not_after }: Pick<Ad, "issued_at" | "not_after">, nowMs: UnixMs): boolean {
  const age = BigInt(nowMs) - issued_at;
  return isAdListed({ not_after }, nowMs) && age <= BigInt(AD_USE_MAX_MS) && -age <= BigInt(AD_USE_MAX_MS);
}

/** Of several ads by one author the newest alone, in the order their authors first came. Nothing is verified. */
export function newestAds<T extends Ad>(ads: Iterable<T>): T[] {
  const newest = new Map<number, T>();
  for (const ad of ads) {
    const { pilot_node_id } = ad.author;
    if (isNewerAd(ad, newest.get(pilot_node_id))) newest.set(pilot_node_id, ad);
  }
  return [...newest.values()];
}

/** The ads still listed, ascending by author: the order of a snapshot. */
export function listAds<T extends Ad>(ads: Iterable<T>, nowMs: UnixMs): T[] {
  return [...ads].filter((ad) => isAdListed(ad, nowMs)).sort((a, b) => a.author.pilot_node_id - b.author.pilot_node_id);
}

function areTimesValid({ issued_at, not_after }: Ad, nowMs: UnixMs): boolean {
  return issued_at > 0n && not_after > issued_at && not_after > BigInt(nowMs);
}
