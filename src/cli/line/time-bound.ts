import { trimSpace } from "../../core/bytes/text.ts";
import { EntmootError } from "../../core/errors.ts";
import { INT64_MAX, INT64_MIN } from "../../store/store-limits.ts";

const RFC3339 = /^(\d{4}-\d\d-(\d\d))T(?!24)\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * A bound in time as Unix milliseconds: RFC 3339 (fractions below a millisecond cut off) or a decimal number,
 * which may be negative. `label` is the flag as named in the error. Throws `invalid_argument`.
 */
export function parseTimeBound(label: string, text: string): bigint {
  const word = trimSpace(text);
  const [, day, ofMonth] = RFC3339.exec(word) ?? [];
  if (day !== undefined) {
    const ms = Date.parse(word.replace(/(\.\d{3})\d+/, "$1"));
    // The 30th of February is read as a day of March.
    const isOfMonth = new Date(day).getUTCDate() === Number(ofMonth);
    if (Number.isFinite(ms) && isOfMonth) return BigInt(ms);
  } else if (/^[+-]?\d{1,19}$/.test(word)) {
    const ms = BigInt(word);
    if (ms <= INT64_MAX && ms >= INT64_MIN) return ms;
  }
  throw new EntmootError(
    "invalid_argument",
    `${label}: not RFC3339 nor unix-ms: ${word.slice(0, 80)}; expected such as 2026-11-30T12:23:05Z`,
  );
}
