import { readdirSync, rmSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";

/** How Bun names an executable while it is put together, in the current directory. */
const BUN_BUILD = /^\.[0-9a-f-]+\.bun-build$/;
/** Ours. One is written in a second; nobody works any more on what was last written so long ago. */
const ABANDONED_MS = 120_000;

/** Removes executables from `dir` that a build which was killed left unfinished. */
export function removeAbandoned(dir: string): void {
  for (const name of readdirSync(dir)) {
    if (!BUN_BUILD.test(name)) continue;
    const path = join(dir, name);
    const writtenMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (writtenMs !== undefined && writtenMs < Date.now() - ABANDONED_MS) rmSync(path, { force: true });
  }
}

/**
 * Runs `work`; when a signal ends it, says so and lets `remove` take away what is unfinished. The process then ends of
 * that signal. Bun's own unfinished executable is never among that: it is put together and moved before a signal is seen.
 */
export async function cleaningUp<T>(task: string, remove: () => void, work: () => Promise<T>): Promise<T> {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const end = (signal: NodeJS.Signals) => {
    writeSync(2, `${task}: interrupted; removing what is unfinished\n`);
    remove();
    for (const each of signals) process.off(each, end);
    process.kill(process.pid, signal);
  };
  for (const signal of signals) process.on(signal, end);
  try {
    return await work();
  } finally {
    for (const signal of signals) process.off(signal, end);
  }
}

/** Lets a signal that came meanwhile end this process: work that never waits would be done before it is seen. */
export function signalsSeen(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Whether a process with this id runs: what is named after one that does not was left behind. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
