import { type Clock, later } from "../../core/clock.ts";
import { StoreBusy } from "../../store/store-failures.ts";
import { pause } from "../../transport/wait.ts";
import { WRITE_PATIENCE_MS, WRITE_RETRY_MS } from "../when-writable.ts";

/** What `work` gives, tried again while another process writes the mailbox, for ten seconds and without blocking anybody. */
export async function patiently<T>(clock: Clock, signal: AbortSignal, work: () => T): Promise<T> {
  const giveUpAt = later(clock.steady(), WRITE_PATIENCE_MS);
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof StoreBusy) || signal.aborted || clock.steady() >= giveUpAt) throw error;
    }
    await pause(clock, WRITE_RETRY_MS, signal);
  }
}
