import { EntmootError } from "../errors.ts";

/** Minutes of the local day from which and up to which nobody is woken; the end may lie before the beginning, past midnight. */
export interface QuietRange {
  readonly fromMinute: number;
  readonly toMinute: number;
}

/** Ours. As many breaks as anybody takes in one day. */
const RANGES_MAX = 8;
/** Ours. The longest text that says so many, with blanks between. */
export const QUIET_TEXT_MAX = 16 * RANGES_MAX;
const DAY_MINUTES = 1440;
const RANGE = /^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$/;

/** Of `22:00-07:00,12:30-13:00`; none of `off`, or of nothing. Throws `invalid_argument`. */
export function parseQuietHours(text: string): readonly QuietRange[] {
  const words = text.trim();
  if (words === "" || words === "off") return [];
  const ranges = words.split(",").map((word) => rangeOf(word.trim()));
  if (ranges.length > RANGES_MAX) {
    throw new EntmootError("invalid_argument", `quiet: expected at most ${RANGES_MAX} ranges, found ${ranges.length}`);
  }
  return ranges;
}

/** As `parseQuietHours` reads it; `off` for none. */
export function quietHoursText(ranges: readonly QuietRange[]): string {
  if (ranges.length === 0) return "off";
  return ranges.map(({ fromMinute, toMinute }) => `${clockText(fromMinute)}-${clockText(toMinute)}`).join(",");
}

/** How many minutes it is quiet yet, over ranges that follow one another; 0 outside. */
export function quietMinutesLeft(ranges: readonly QuietRange[], minute: number): number {
  let left = 0;
  while (ranges.length > 0 && left < DAY_MINUTES) {
    const at = (minute + left) % DAY_MINUTES;
    const more = Math.max(...ranges.map((range) => minutesLeft(range, at)));
    if (more === 0) break;
    left += more;
  }
  return Math.min(left, DAY_MINUTES);
}

function rangeOf(word: string): QuietRange {
  const [, fromHour, from, toHour, to] = RANGE.exec(word) ?? [];
  const range = { fromMinute: 60 * Number(fromHour) + Number(from), toMinute: 60 * Number(toHour) + Number(to) };
  if (fromHour !== undefined && range.fromMinute !== range.toMinute) return range;
  throw new EntmootError(
    "invalid_argument",
    `quiet: expected times of the local day such as 22:00-07:00, or off, found ${JSON.stringify(word.slice(0, 40))}`,
  );
}

function minutesLeft({ fromMinute, toMinute }: QuietRange, minute: number): number {
  const length = (toMinute - fromMinute + DAY_MINUTES) % DAY_MINUTES;
  const since = (minute - fromMinute + DAY_MINUTES) % DAY_MINUTES;
  return since < length ? length - since : 0;
}

function clockText(minute: number): string {
  return [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, "0")).join(":");
}
