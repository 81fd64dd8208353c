import { trimSpace } from "../bytes/text.ts";
import { EntmootError } from "../errors.ts";

/** So many units (messages or bytes) in a period, both greater than zero. */
export interface Rate {
  /** Up to 2^63 - 1. */
  readonly units: bigint;
  readonly periodSeconds: 1 | 60 | 3600;
}

const UNITS_MAX = 2n ** 63n - 1n;
/** Ours. No int64 has more digits; a longer number would cost the square of its length to parse. */
const DIGITS_MAX = 19;

/** Ours. Longest rate text looked at; the longest anyone would write has 30 characters. */
export const RATE_CHARS_MAX = 256;

const PERIODS: ReadonlyMap<string, Rate["periodSeconds"]> = new Map([
  ...(["s", "sec", "second", "seconds"] as const).map((name) => [name, 1] as const),
  ...(["m", "min", "minute", "minutes"] as const).map((name) => [name, 60] as const),
  ...(["h", "hr", "hour", "hours"] as const).map((name) => [name, 3600] as const),
]);

const BYTE_UNITS: ReadonlyMap<string, bigint> = new Map([
  ["", 1n],
  ["b", 1n],
  ["kib", 1024n],
  ["mib", 1024n ** 2n],
  ["gib", 1024n ** 3n],
]);

/** `6/min`: messages in a period. Throws `invalid_argument`. */
export function parseMessageRate(text: string): Rate {
  const { quantity, periodSeconds } = split(text);
  const units = parseDigits(/^\+?([0-9]+)$/.exec(quantity)?.[1]);
  if (units === undefined) throw refuse("message quantity must be a positive integer");
  return { units, periodSeconds };
}

/** `64KiB/min`: bytes in a period; units are B, KiB, MiB and GiB in any case. Throws `invalid_argument`. */
export function parseByteRate(text: string): Rate {
  const { quantity, periodSeconds } = split(text);
  const digits = /^[0-9]*/.exec(quantity)![0];
  const amount = parseDigits(digits);
  if (amount === undefined) throw refuse("byte quantity must be a positive integer");
  const name = trimSpace(quantity.slice(digits.length));
  const unit = BYTE_UNITS.get(lowerCase(name));
  if (unit === undefined) throw refuse(`unsupported byte unit ${JSON.stringify(name)}`);
  if (amount * unit > UNITS_MAX) throw refuse("byte quantity overflows int64");
  return { units: amount * unit, periodSeconds };
}

/** Units a second, as a floating-point number. */
export function perSecond(rate: Rate): number {
  return Number(rate.units) / rate.periodSeconds;
}

function split(text: string): { quantity: string; periodSeconds: Rate["periodSeconds"] } {
  if (text.length > RATE_CHARS_MAX) throw refuse(`rate is longer than ${RATE_CHARS_MAX} characters`);
  const parts = trimSpace(text).split("/").map(trimSpace);
  if (parts.length < 2) throw refuse("rate must use <quantity>/<period>");
  if (parts.length > 2) throw refuse("rate must contain one period separator");
  const [quantity, period] = parts as [string, string];
  if (quantity === "") throw refuse("quantity is required");
  const periodSeconds = PERIODS.get(lowerCase(period));
  if (periodSeconds === undefined) throw refuse(`unsupported period ${JSON.stringify(period)}`);
  return { quantity, periodSeconds };
}

/** Each letter alone, as the original does; JavaScript makes two characters of a capital i with a dot. */
function lowerCase(word: string): string {
  return word.replaceAll("\u0130", "i").toLowerCase();
}

/** A positive int64, or `undefined`. */
function parseDigits(digits: string | undefined): bigint | undefined {
  const significant = digits?.replace(/^0+/, "");
  if (!significant || significant.length > DIGITS_MAX) return undefined;
  const value = BigInt(significant);
  return value <= UNITS_MAX ? value : undefined;
}

function refuse(reason: string): EntmootError {
  return new EntmootError("invalid_argument", reason);
}
