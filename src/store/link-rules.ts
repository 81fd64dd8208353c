import { deadReason } from "../core/admission/redemption.ts";
import type { UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { IssuedLink } from "./node-store.ts";
import { checkMs } from "./store-limits.ts";

const HEX_64 = /^[0-9a-f]{64}$/;
const ID_DIGITS = 16;

/** Throws `invalid_argument` unless every field of `link` can be kept. */
export function checkLink(link: IssuedLink): void {
  const { id, token_hash, uses, used } = link;
  if (!HEX_64.test(token_hash)) refuse("token hash", "64 lowercase hex digits", token_hash);
  if (id !== linkId(token_hash)) refuse("id", `the first ${ID_DIGITS} digits of the token hash`, id);
  for (const count of [uses, used]) {
    if (!Number.isSafeInteger(count) || count < 0) refuse("uses", "a whole number", count);
  }
  checkMs("link: created", link.created_at_ms);
  checkMs("link: expires", link.expires_at_ms);
}

/** What people name a link by. */
export function linkId(tokenHash: string): string {
  return tokenHash.slice(0, ID_DIGITS);
}

/** The link named by its id or its token's hash. */
export function namedLink(links: readonly IssuedLink[], idOrHash: string): IssuedLink | undefined {
  return links.find(({ id, token_hash }) => id === idOrHash || token_hash === idOrHash);
}

/** The one that makes room for another: the first that nobody can redeem any more. Throws `conflict` when there is none. */
export function linkToForget(
  oldestFirst: readonly IssuedLink[],
  { linksMax, nowMs }: { readonly linksMax: number; readonly nowMs: UnixMs },
): IssuedLink {
  const dead = oldestFirst.find((link) => deadReason(link, nowMs) !== undefined);
  if (dead !== undefined) return dead;
  throw new EntmootError("conflict", `links: a node keeps at most ${linksMax}; revoke one that is not needed`);
}

/** Thrown when the token hash is taken. */
export function linkExists(tokenHash: string): EntmootError {
  return new EntmootError("conflict", `link ${linkId(tokenHash)}: exists already`);
}

function refuse(field: string, expected: string, found: unknown): never {
  throw new EntmootError("invalid_argument", `link ${field}: expected ${expected}, found ${found}`);
}
