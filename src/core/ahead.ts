import type { UnixMs } from "./clock.ts";

/** Ours. How far the date of a message may lie ahead of the clock of who gets it, so that it counts: honest clocks differ by less. */
export const AHEAD_MAX_MS = 300_000;

/** The latest date that is not ahead of this clock, Unix milliseconds. */
export function latestDate(now: UnixMs): bigint {
  return BigInt(Math.floor(now)) + BigInt(AHEAD_MAX_MS);
}

/** Whether a message of this date (Unix milliseconds) is kept and compared like all others, and placed by when it came. */
export function isAhead(timestamp: bigint, now: UnixMs): boolean {
  return timestamp > latestDate(now);
}
