import type { UnixMs } from "../clock.ts";
/** What an issuer keeps about a link, or about an open invite of the original's, for as long as it may be redeemed. */
export interface Redeemable {
  /** How many it is good for; 0: any number, within `USES_MAX`. */
  readonly uses: number;
  /** How many used it. */
  readonly used: number;
  readonly revoked: boolean;
  /** Unix milliseconds; 0: never. At that very millisecond it is expired. */
  readonly expires_at_ms: number;
}

export type RedeemableStatus = "active" | "revoked" | "expired" | "used_up";

/** Ours. Uses one link can have: one without a limit is a door for strangers, and each use leaves a row with the issuer. */
export const USES_MAX = 65_536;

/** Ours and the original's. Challenges open at once for one token, which anybody may ask for: twice the uses left, within these. */
const CHALLENGES_MIN = 8;
const CHALLENGES_MAX = 128;

/** Whether a time of expiry is over at `nowMs`; 0 is never. */
export function isExpired(expiresAtMs: number, nowMs: UnixMs): boolean {
  return expiresAtMs > 0 && expiresAtMs <= nowMs;
}

/** Why nobody can redeem it any more, whoever asks; revoked counts before expired. `undefined` while somebody can. */
export function deadReason(link: Redeemable, nowMs: UnixMs): "revoked" | "expired" | undefined {
  if (link.revoked) return "revoked";
  return isExpired(link.expires_at_ms, nowMs) ? "expired" : undefined;
}

/** The status shown; dead counts before used up. */
export function redeemableStatus(link: Redeemable, nowMs: UnixMs): RedeemableStatus {
  return deadReason(link, nowMs) ?? (isUsedUp(link) ? "used_up" : "active");
}

/** How many challenges for one token may be open at once. */
export function challengesMax({ uses, used }: Redeemable): number {
  if (uses <= 0) return CHALLENGES_MAX;
  return Math.min(CHALLENGES_MAX, Math.max(CHALLENGES_MIN, 2 * (uses - used)));
}

/** How the original tells redeemers apart: the same key under another node id is another redeemer. */
export function redeemerKey(redeemer: { readonly pilotNodeId: number; readonly entmootPublicKey: Uint8Array }): string {
  return `${redeemer.pilotNodeId}:${redeemer.entmootPublicKey.toBase64()}`;
}

/** What came of one redemption. */
export type RedemptionOutcome<L extends Redeemable> =
  /** `link` is what is to be kept now. `repeated`: by one who redeemed before; nothing is counted again. */
  | { readonly kind: "redeemed"; readonly repeated: boolean; readonly link: L }
  | { readonly kind: "refused"; readonly reason: Exclude<RedeemableStatus, "active"> };

/**
 * One redemption, as a step from what is kept to what is to be kept; `repeated`: this redeemer holds a use already.
 * The caller reads and writes in one transaction, which is what keeps redeemers that come at once within `uses`.
 */
export function redeem<L extends Redeemable>(
  link: L,
  { repeated, nowMs }: { readonly repeated: boolean; readonly nowMs: UnixMs },
): RedemptionOutcome<L> {
  const status = redeemableStatus(link, nowMs);
  if (status === "active" || (status === "used_up" && repeated)) {
    return { kind: "redeemed", repeated, link: repeated ? link : { ...link, used: link.used + 1 } };
  }
  return { kind: "refused", reason: status };
}

/** Gives back a use that certainly came to nothing; whoever held it holds it no longer. */
export function release<L extends Redeemable>(link: L): L {
  return { ...link, used: Math.max(0, link.used - 1) };
}

function isUsedUp({ uses, used }: Redeemable): boolean {
  return used >= (uses > 0 ? Math.min(uses, USES_MAX) : USES_MAX);
}
