import { sizeText } from "../core/amounts.ts";
import type { UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { checkMs, HINT_BYTES_MAX, HINTS_PER_PEER_MAX, SIGNED_HINT_BYTES_MAX } from "./store-limits.ts";

const UINT64_MAX = 2n ** 64n - 1n;

/** `fresh` before what was known, each once, at most 8. Throws `invalid_argument` on one over 512 bytes. */
export function mergedHints(known: readonly string[], fresh: readonly string[]): string[] {
  for (const hint of fresh) {
    const bytes = Buffer.byteLength(hint);
    if (bytes === 0 || bytes > HINT_BYTES_MAX) refuse("hint", `1 byte to ${sizeText(HINT_BYTES_MAX)}`, sizeText(bytes));
  }
  return [...new Set([...fresh, ...known])].slice(0, HINTS_PER_PEER_MAX);
}

/** Throws `invalid_argument` unless the signed hint can be kept. */
export function checkSignedHint({ seq, bytes }: { seq: bigint; bytes: Uint8Array }, nowMs: UnixMs): void {
  checkMs("signed hint: now", nowMs);
  if (seq < 0n || seq > UINT64_MAX) refuse("sequence number", "a uint64", seq);
  if (bytes.length === 0 || bytes.length > SIGNED_HINT_BYTES_MAX) {
    refuse("signed hint", `1 byte to ${sizeText(SIGNED_HINT_BYTES_MAX)}`, sizeText(bytes.length));
  }
}

function refuse(subject: string, expected: string, found: unknown): never {
  throw new EntmootError("invalid_argument", `${subject}: expected ${expected}, found ${found}`);
}
