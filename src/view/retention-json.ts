import { dayText, retentionText } from "../core/policy/retention.ts";
import { lengthText } from "../node/group/retention-words.ts";
import type { MootStatus, RetentionStatus } from "../node/operations/daemon.ts";

/** What a moot keeps, and what of the clock here is known, as `info` and `up` print it. */
export function retentionJson(moot: MootStatus) {
  const { retention } = moot;
  if (retention === undefined) return {};
  const { clock, clock_jump_ms, clock_offset_ms, cutoff_ms, days, kept_from_ms, pruned, pruned_to_ms } = retention;
  return {
    policy: moot.policy,
    retention: {
      days: days === undefined ? null : Number(days),
      cutoff: cutoff_ms === 0 ? null : dayText(BigInt(cutoff_ms)),
      // By the word of this node's owner, whatever the policy keeps.
      ...(kept_from_ms === 0 ? {} : { kept_here_from: dayText(BigInt(kept_from_ms)) }),
      removed: pruned,
      removed_before: pruned_to_ms === 0 ? null : dayText(BigInt(pruned_to_ms)),
      // Where nothing is removed, nobody has to know the time.
      ...(clock === undefined || days === undefined ? {} : { clock, clock_note: clockNote(clock, retention) }),
      ...(clock_offset_ms === undefined ? {} : { clock_offset_ms }),
      ...(clock_jump_ms === undefined ? {} : { clock_jump_ms }),
      ...(days === undefined && kept_from_ms === 0 ? {} : { root_note: ROOT_NOTE }),
    },
  };
}

/** One line for people: what a moot keeps. */
export function retentionLine({ retention }: MootStatus): string {
  return retentionText(retention?.days, BigInt(retention?.cutoff_ms ?? 0));
}

/** What of the clock is known, and what is awaited where something is. */
function clockNote(clock: NonNullable<RetentionStatus["clock"]>, status: RetentionStatus): string {
  const { clock_heard: heard = 0, clock_jump_ms: jumpMs, clock_rest_ms: restMs = 0 } = status;
  switch (clock) {
    case "agreed":
      return "most members heard today have the same time";
    case "steady":
      return "no member was heard today, and the clock here has run for a day without a jump";
    case "disputed":
      return `nothing is removed: most members heard today have another time; ${CHECK}`;
    case "unproved": {
      const jump = jumpMs === undefined ? "" : `the date here went ${lengthText(Math.abs(jumpMs))} ${way(jumpMs)}; `;
      const awaited =
        heard === 0
          ? `until most members heard have this date, or none is heard for another ${lengthText(restMs)} without a jump`
          : `until half of the members were heard, for another ${Math.ceil(restMs / 1000)} s at most`;
      return `${jump}nothing is removed ${awaited}; ${CHECK}`;
    }
  }
}

/** Of a moot that removes something. */
const ROOT_NOTE =
  "merkle_root is over what is held: it differs where members have removed different amounts, and peers then shows " +
  "from which day on they are the same; members with the original program, which removes nothing while it runs and is " +
  "offered nothing from before the cut-off, may have another root for good";

const CHECK = "check the date here with: date -u";

function way(jumpMs: number): string {
  return jumpMs > 0 ? "forward (a machine that slept looks the same)" : "back";
}
