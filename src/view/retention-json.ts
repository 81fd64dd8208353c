import { dayText, retentionText } from "../core/policy/retention.ts";
import type { MootStatus } from "../node/operations/daemon.ts";

/** What a moot keeps, and what of the clock here is known, as `info` and `up` print it. */
export function retentionJson(moot: MootStatus) {
  const { retention } = moot;
  if (retention === undefined) return {};
  const { clock, clock_offset_ms, cutoff_ms, days, pruned, pruned_to_ms } = retention;
  return {
    policy: moot.policy,
    retention: {
      days: days === undefined ? null : Number(days),
      cutoff: cutoff_ms === 0 ? null : dayText(BigInt(cutoff_ms)),
      removed: pruned,
      removed_before: pruned_to_ms === 0 ? null : dayText(BigInt(pruned_to_ms)),
      // Where nothing is removed, nobody has to know the time.
      ...(clock === undefined || days === undefined ? {} : { clock, clock_note: CLOCK_NOTES[clock] }),
      ...(clock_offset_ms === undefined ? {} : { clock_offset_ms }),
    },
  };
}

/** One line for people: what a moot keeps. */
export function retentionLine({ retention }: MootStatus): string {
  return retentionText(retention?.days, BigInt(retention?.cutoff_ms ?? 0));
}

const CLOCK_NOTES = {
  agreed: "most members heard today have the same time",
  steady: "no member was heard today, and the clock here has run for a day without a jump",
  unproved: "nothing is removed until a member was heard or the clock here has run for a day",
  disputed: "nothing is removed: most members heard today have another time; check the date here with: date -u",
} as const;
