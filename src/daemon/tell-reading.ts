import type { SteadyMs } from "../core/clock.ts";
import { printProse } from "../host/print.ts";
import { realClock } from "../host/real-clock.ts";
import type { MigrationProgress } from "../store/data-root.ts";
import type { OpenRootOptions } from "../store/sqlite/sqlite-data-root.ts";

/** Ours. What takes longer is told of, and again after as long. */
const TELL_EVERY_MS = 2_000;

/** What somebody who looks at a data root is told on stderr. */
export function telling(): OpenRootOptions {
  return { onStale: (text) => printProse(`entmootd: ${text}`), onSeeing: progressTeller() };
}

/** Says how far reading the original's files is, when that takes long enough to be wondered at. */
function progressTeller(): (progress: MigrationProgress) => void {
  let toldAt: SteadyMs | undefined;
  return ({ done, total }) => {
    const now = realClock.steady();
    toldAt ??= now;
    if (now - toldAt < TELL_EVERY_MS || done >= total) return;
    toldAt = now;
    printProse(`entmootd: reading the original's files: ${done} of ${total} messages`);
  };
}
