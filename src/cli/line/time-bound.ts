import { trimSpace } from "../../core/bytes/text.ts";
import type { UnixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { INT64_MAX, INT64_MIN } from "../../store/store-limits.ts";

const RFC3339 = /^(\d{4}-\d\d-(\d\d))T(?!24)\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const AGO = /^((?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h|d|w))+)(?: ago)?$/;
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g;
const PART_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** What a bound in time may look like, for help. */
export const TIME_HINT = "2h, yesterday, a date, RFC 3339 or Unix ms";

/**
 * A bound in time as Unix milliseconds: how long before `now` (`90m`, `2h`, `1d12h`, `3w`); `now`, `today`, `yesterday`, `tomorrow` and a date, which are
 * their first moment here, in the time zone of the process; RFC 3339 (fractions below a millisecond cut off); or a decimal number, which may
 * be negative. `label` is the flag as named in the error. Throws `invalid_argument`.
 */
export function parseTimeBound(label: string, text: string, now: UnixMs): bigint {
  const word = trimSpace(text);
  const ms = instantOf(word) ?? momentOf(word.toLowerCase(), now);
  if (ms !== undefined && ms <= INT64_MAX && ms >= INT64_MIN) return ms;
  throw new EntmootError(
    "invalid_argument",
    `${label}: expected a time such as 2h, today, yesterday, tomorrow, 2026-11-30 or 2026-11-30T12:23:05Z, found ${JSON.stringify(word.slice(0, 80))}${meantTime(word.toLowerCase())}`,
  );
}

/** One that is the same whenever it is said. */
function instantOf(word: string): bigint | undefined {
  const [, day, ofMonth] = RFC3339.exec(word) ?? [];
  if (day !== undefined) {
    const ms = Date.parse(word.replace(/(\.\d{3})\d+/, "$1"));
    // The 30th of February is read as a day of March.
    const isOfMonth = new Date(day).getUTCDate() === Number(ofMonth);
    return Number.isFinite(ms) && isOfMonth ? BigInt(ms) : undefined;
  }
  return /^[+-]?\d{1,19}$/.test(word) ? BigInt(word) : undefined;
}

/** One that depends on when and where it is said. */
function momentOf(word: string, now: UnixMs): bigint | undefined {
  if (word === "now") return BigInt(Math.floor(now));
  if (word === "today") return dayBegin(now, 0);
  if (word === "yesterday") return dayBegin(now, -1);
  if (word === "tomorrow") return dayBegin(now, 1);
  const [, year, month, day] = DATE.exec(word) ?? [];
  if (day !== undefined) return firstMomentOf(Number(year), Number(month), Number(day));
  const [, parts] = AGO.exec(word) ?? [];
  if (parts === undefined) return undefined;
  const spans = [...parts.matchAll(PART)].map(([, amount, unit]) => Number(amount) * PART_MS[unit!]!);
  return BigInt(Math.floor(now - spans.reduce((sum, span) => sum + span, 0)));
}

/** What people say of times, in the form that is read. */
function meantTime(word: string): string {
  const [, amount, unit] =
    /^(?:last |past |the last )?(\d{1,6}|an?|)\s*(second|minute|min|hour|day|week|month|year|[smhdw])s?(?: ago)?$/.exec(
      word,
    ) ?? [];
  if (unit === undefined) return "";
  const [letter, times] = SAID[unit]!;
  const many = /^\d/.test(amount!) ? Number(amount) : 1;
  return `; did you mean ${many * times}${letter}?`;
}

const SAID: Readonly<Record<string, readonly [letter: string, times: number]>> = {
  s: ["s", 1],
  m: ["m", 1],
  h: ["h", 1],
  d: ["d", 1],
  w: ["d", 7],
  second: ["s", 1],
  minute: ["m", 1],
  min: ["m", 1],
  hour: ["h", 1],
  day: ["d", 1],
  week: ["d", 7],
  month: ["d", 30],
  year: ["d", 365],
};

/** Days are counted on the calendar: one may have 23 hours or 25. */
function dayBegin(now: UnixMs, days: number): bigint {
  const day = new Date(now);
  day.setHours(0, 0, 0, 0);
  day.setDate(day.getDate() + days);
  return BigInt(day.getTime());
}

function firstMomentOf(year: number, month: number, day: number): bigint | undefined {
  const moment = new Date(2000, 0, 1);
  // Set alone, for the constructor takes years up to 99 for those of the last century.
  moment.setFullYear(year, month - 1, day);
  const isOfMonth = moment.getMonth() === month - 1 && moment.getDate() === day;
  return isOfMonth ? BigInt(moment.getTime()) : undefined;
}
