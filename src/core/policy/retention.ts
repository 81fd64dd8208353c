import type { UnixMs } from "../clock.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Ours. Written for a policy that keeps everything: a hundred years, for none of the formats has a word for it. */
export const KEEP_DAYS = 36_500n;

/** Ours. From here on nothing a person writes today goes in their time; said as "keeps everything". */
export function keepsEverything(days: bigint): boolean {
  return days >= KEEP_DAYS;
}

/** The first instant of the day of UTC that `timestamp` (Unix milliseconds) falls on. */
export function startOfDay(timestamp: bigint): bigint {
  const day = BigInt(DAY_MS);
  const since = timestamp % day;
  return timestamp - (since < 0n ? since + day : since);
}

/**
 * Messages older than this are past a retention of `days` at the instant `now`; a whole day of UTC, so that members
 * whose clocks differ a little forget the same. Unix milliseconds; may be before 1970.
 */
export function retentionDay(days: bigint, now: UnixMs): bigint {
  return startOfDay(BigInt(Math.floor(now)) - days * BigInt(DAY_MS));
}

/** A day as people write it, `2026-11-30`; outside the years 0 to 9999 the number of milliseconds. */
export function dayText(timestamp: bigint): string {
  const date = new Date(Number(timestamp));
  const year = date.getUTCFullYear();
  return year >= 0 && year <= 9999 ? date.toISOString().slice(0, 10) : `${timestamp} ms`;
}
