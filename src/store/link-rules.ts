import { EntmootError } from "../core/errors.ts";
import type { IssuedLink, RedeemOutcome } from "./node-store.ts";
import { checkMs, LINKS_MAX, REDEMPTIONS_PER_LINK_MAX } from "./store-limits.ts";

const HEX_64 = /^[0-9a-f]{64}$/;
const ID_DIGITS = 16;

/** Throws `invalid_argument` unless every field of `link` can be kept. */
export function checkLink(link: IssuedLink): void {
  const { id, token_hash, uses_max, uses } = link;
  if (!HEX_64.test(token_hash)) refuse("token hash", "64 lowercase hex digits", token_hash);
  if (id !== linkId(token_hash)) refuse("id", `the first ${ID_DIGITS} digits of the token hash`, id);
  for (const count of [uses_max, uses]) {
    if (!Number.isSafeInteger(count) || count < 0) refuse("uses", "a whole number", count);
  }
  checkMs("link: created", link.created_at_ms);
  checkMs("link: expires", link.expires_at_ms);
}

/** What people name a link by. */
export function linkId(tokenHash: string): string {
  return tokenHash.slice(0, ID_DIGITS);
}

/** Whether the link is past its time at `nowMs`. */
export function isExpired({ expires_at_ms }: IssuedLink, nowMs: number): boolean {
  return expires_at_ms > 0 && expires_at_ms <= nowMs;
}

/** Why `link` cannot be redeemed now, or `undefined`. A key that redeemed before takes no new use. */
export function refusal(
  link: IssuedLink,
  { repeated, redemptions, nowMs }: { repeated: boolean; redemptions: number; nowMs: number },
): RedeemOutcome | undefined {
  if (link.revoked) return { kind: "refused", reason: "revoked" };
  if (isExpired(link, nowMs)) return { kind: "refused", reason: "expired" };
  if (repeated) return undefined;
  const used = link.uses_max > 0 && link.uses >= link.uses_max;
  return used || redemptions >= REDEMPTIONS_PER_LINK_MAX ? { kind: "refused", reason: "used_up" } : undefined;
}

/** Thrown when there is no room and no dead link to forget. */
export function tooManyLinks(): EntmootError {
  return new EntmootError("conflict", `links: a node keeps at most ${LINKS_MAX}; revoke one that is not needed`);
}

/** Thrown when the token hash is taken. */
export function linkExists(tokenHash: string): EntmootError {
  return new EntmootError("conflict", `link ${linkId(tokenHash)}: exists already`);
}

function refuse(field: string, expected: string, found: unknown): never {
  throw new EntmootError("invalid_argument", `link ${field}: expected ${expected}, found ${found}`);
}
