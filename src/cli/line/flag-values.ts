import { durationMsOf } from "../../core/duration.ts";
import { EntmootError } from "../../core/errors.ts";

const TRUE = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const FALSE = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** A boolean literal, or `undefined` when `text` is none of the twelve. */
export function booleanOf(text: string): boolean | undefined {
  if (TRUE.has(text)) return true;
  return FALSE.has(text) ? false : undefined;
}

/** Decimal, `0x`, `0o` or `0`, `0b`; underscores only between digits or after the prefix. */
const INTEGER =
  /^([+-]?)(?:0[xX](_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)|0[bB](_?[01]+(?:_[01]+)*)|0[oO]?(_?[0-7]+(?:_[0-7]+)*)|(0|[1-9][0-9]*(?:_[0-9]+)*))$/;

/** The integer a literal stands for, or `undefined`. */
export function integerOf(text: string): bigint | undefined {
  const match = INTEGER.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const [prefix, digits] =
    hex !== undefined
      ? ["0x", hex]
      : binary !== undefined
        ? ["0b", binary]
        : octal !== undefined
          ? ["0o", octal]
          : ["", decimal!];
  const magnitude = BigInt(prefix + digits.replaceAll("_", ""));
  return sign === "-" ? -magnitude : magnitude;
}

/** An integer flag within [min, max]. `flag` is named in the error as given, such as `-limit`. Throws `invalid_argument`. */
export function parseInteger(flag: string, text: string, range: { min: number; max: number }): number {
  const value = integerOf(text);
  if (value === undefined || value < BigInt(range.min) || value > BigInt(range.max)) {
    throw new EntmootError(
      "invalid_argument",
      invalidValue(flag, text, `expected a whole number from ${range.min} to ${range.max}`),
    );
  }
  return Number(value);
}

/** The original's words for a flag value that does not parse. `flag` may have the command ahead, as in `query: -limit`. */
function invalidValue(flag: string, text: string, expected: string): string {
  const at = flag.lastIndexOf(" ") + 1;
  return `${flag.slice(0, at)}invalid value ${JSON.stringify(text)} for flag ${flag.slice(at)}: ${expected}`;
}

/** A duration flag in whole milliseconds. Throws `invalid_argument` naming `flag`. */
export function parseDurationMs(flag: string, text: string): number {
  const ms = durationMsOf(text);
  if (ms === undefined) {
    throw new EntmootError(
      "invalid_argument",
      invalidValue(flag, text, "expected a duration such as 30s, 250ms or 1h30m"),
    );
  }
  return ms;
}

/** How long to wait at most, in whole milliseconds. Throws `invalid_argument` naming `flag`, also for less than nothing. */
export function parsePatienceMs(flag: string, text: string): number {
  const ms = parseDurationMs(flag, text);
  if (ms >= 0) return ms;
  throw new EntmootError("invalid_argument", invalidValue(flag, text, "expected a duration of 0s or more"));
}
