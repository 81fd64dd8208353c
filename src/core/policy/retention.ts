import { trimSpace } from "../bytes/text.ts";
import type { UnixMs } from "../clock.ts";
import { EntmootError } from "../errors.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Ours. Written for a policy that keeps everything: a hundred years, for none of the formats has a word for it. */
export const KEEP_DAYS = 36_500n;

/** Ours. From here on nothing a person writes today goes in their time; said as "keeps everything". */
export function keepsEverything(days: bigint): boolean {
  return days >= KEEP_DAYS;
}

/** Reads `keep` or a number of days from 1 on. Throws `invalid_argument`. */
export function parseRetention(text: string): bigint {
  const word = trimSpace(text).toLowerCase();
  if (word === "keep") return KEEP_DAYS;
  if (/^[1-9]\d{0,17}$/.test(word)) return BigInt(word);
  throw new EntmootError(
    "invalid_argument",
    `expected a number of days from 1 on, or keep, found ${JSON.stringify(text)}`,
  );
}

/** What a retention of `days` does, for people. `cutoff`: Unix milliseconds, as of now. */
export function retentionText(days: bigint | undefined, cutoff: bigint): string {
  if (days === undefined || keepsEverything(days)) return "keeps everything";
  const kept = `keeps ${days} ${days === 1n ? "day" : "days"}`;
  return cutoff <= 0n ? kept : `${kept}: messages older than ${dayText(cutoff)} are removed`;
}

/** The first instant of the day of UTC that `timestamp` (Unix milliseconds) falls on. */
export function startOfDay(timestamp: bigint): bigint {
  const day = BigInt(DAY_MS);
  const since = timestamp % day;
  return timestamp - (since < 0n ? since + day : since);
}

/** The first instant of the day of UTC after the one that `ms` falls on, Unix milliseconds. */
export function nextDay(ms: number): number {
  return Number(startOfDay(BigInt(Math.floor(ms)))) + DAY_MS;
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
