import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * What a signal does to any other process that does not handle it, also to the first one of a container: to that the
 * kernel sends only what it handles, so an end asked for before a daemon is ready would be lost. To be called before
 * anything else is done, so that whoever handles a signal later comes after.
 */
export function endAtSignals(): void {
  if (process.pid !== 1 || process.platform === "win32") return;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}
