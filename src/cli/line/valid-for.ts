import { trimSpace } from "../../core/bytes/text.ts";
import { durationMsOf } from "../../core/duration.ts";
import { EntmootError } from "../../core/errors.ts";

const DAY_MS = 86_400_000;
/** Ours. A hundred years; longer is a slip of the keyboard. */
const VALID_FOR_MAX_MS = 36_525 * DAY_MS;

/** How long something stays valid, in milliseconds: `7d`, or a duration such as `36h`. Above 0. Throws `invalid_argument`. */
export function parseValidFor(label: string, text: string): number {
  const days = /^(\d{1,9})d$/.exec(trimSpace(text));
  const ms = days ? Number(days[1]) * DAY_MS : durationMsOf(trimSpace(text));
  if (ms === undefined) {
    throw new EntmootError(
      "invalid_argument",
      `${label}: expected a duration such as 24h, 90m or 7d, found ${JSON.stringify(text)}`,
    );
  }
  if (ms <= 0) throw new EntmootError("invalid_argument", `${label} must be positive`);
  if (ms > VALID_FOR_MAX_MS)
    throw new EntmootError("invalid_argument", `${label}: at most 36525d, found ${trimSpace(text)}`);
  return ms;
}
