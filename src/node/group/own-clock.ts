import { AHEAD_MAX_MS } from "../../core/ahead.ts";
import { durationText, instantText } from "../../core/amounts.ts";
import { later, type UnixMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { retentionDay } from "../../core/policy/retention.ts";
import type { Group } from "./group.ts";

/** Ours. With fewer heard one of them may have made up the time; then it is told, and nothing is refused for it. */
const HEARD_MIN = 3;

/**
 * How far the clock here is behind that of the others, in milliseconds, where that is more than a message may be ahead;
 * `undefined` when it is not, as far as anybody knows. Throws `unavailable` where nobody would keep what is dated by it.
 */
export function requireTimely(group: Group, now: UnixMs): number | undefined {
  const { time } = group.retention.state;
  if (time.kind === "agreed" || time.kind === "steady") return undefined;
  const byDates = behindLatest(group, now);
  const byClocks = time.kind === "disputed" ? time.offsetMs : 0;
  const behindMs = Math.max(byDates, byClocks);
  if (behindMs <= AHEAD_MAX_MS) return undefined;
  const isSure = time.kind === "disputed" && time.heard >= HEARD_MIN;
  const sureMs = isSure ? behindMs : byDates;
  const days = group.policy.current?.retention_days;
  if (days === undefined || BigInt(now) >= retentionDay(days, later(now, sureMs))) return Math.round(behindMs);
  throw new EntmootError(
    "unavailable",
    `the date of this machine is ${instantText(now)}, ${durationText(sureMs)} behind that of the other members: what is dated so is past the ${days} days that this moot keeps, and nobody would keep it; set the clock, for example with "timedatectl set-ntp true", and try again`,
  );
}

/**
 * Throws `unavailable` where most members say that the clock here runs ahead: what a founder signs by it counts from the date
 * it has, a policy only when that has come, and every later entry of the roster has a later date still.
 */
export function requireNotAhead(group: Group, now: UnixMs): void {
  const { time } = group.retention.state;
  if (time.kind !== "disputed" || time.heard < HEARD_MIN || -time.offsetMs <= AHEAD_MAX_MS) return;
  throw new EntmootError(
    "unavailable",
    `the date of this machine is ${instantText(now)}, ${durationText(-time.offsetMs)} ahead of that of the other members: what is signed for the moot now would have that date for good, and a policy no effect before it; set the clock, for example with "timedatectl set-ntp true", and try again; where this date is right and theirs is not, "roster remove -alone" removes them all the same`,
  );
}

/** How far it is behind what others said last. It has been there before: what lay ahead of it has no place by its own date. */
function behindLatest({ self, store }: Group, now: UnixMs): number {
  const byOthers = store.messages.newest().filter(({ author_node_id }) => author_node_id !== self?.pilot_node_id);
  return Math.max(0, ...byOthers.map(({ timestamp }) => Number(timestamp) - now));
}
