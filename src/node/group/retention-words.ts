import type { UnixMs } from "../../core/clock.ts";
import { dayText } from "../../core/policy/retention.ts";
import type { TimeVerdict } from "../../machine/agreed-time.ts";

/** What the log says of retention and clocks: for people, each with the next step where there is one. */

export function removedText(count: number, cutoffMs: number, days: bigint | undefined): string {
  return `removed ${count} messages older than ${dayText(BigInt(cutoffMs))} (retention: ${days ?? "none"} days)`;
}

export function prunedText(count: number, beforeMs: number): string {
  return `removed ${count} messages older than ${dayText(BigInt(beforeMs))}, which are not kept here ("entmootd prune")`;
}

export function backAgainText(cutoffMs: number): string {
  const from = cutoffMs === 0 ? "" : `, from ${dayText(BigInt(cutoffMs))} on`;
  return `what was removed too early is here again${from}`;
}

export function waitingText(cutoffMs: number, now: UnixMs): string {
  return (
    `holds messages older than ${dayText(BigInt(cutoffMs))}, which go once most members heard have the date of ` +
    `this machine (${new Date(now).toISOString().slice(0, 16)}Z), or none is heard and its clock has run for a day ` +
    "without a jump; a wrong date is set right before (date -u shows it)"
  );
}

export function disputedText({ heard, offsetMs }: Extract<TimeVerdict, { kind: "disputed" }>): string {
  const way = offsetMs > 0 ? "ahead" : "behind";
  return (
    `most of ${heard} members heard have a clock ${lengthText(Math.abs(offsetMs))} ${way} of this one, or disagree; ` +
    "nothing is removed until they agree; check the date here (date -u)"
  );
}

export function jumpText(jumpMs: number): string {
  const way = jumpMs > 0 ? "forward (a machine that slept looks the same)" : "back";
  return (
    `the date of this machine went ${lengthText(Math.abs(jumpMs))} ${way}; ` +
    "nothing is removed until most members heard have that date, or none is heard for a day without another jump; " +
    "check it (date -u)"
  );
}

/** `12 days`, `3 hours`, `15 minutes`. */
export function lengthText(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 120) return `${minutes} minutes`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} hours` : `${Math.round(hours / 24)} days`;
}
