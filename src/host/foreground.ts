import { readFileSync } from "node:fs";

/**
 * Whether this process may read its terminal and set its mode: it would be stopped for either in the background, where
 * a shell has started it with `&` or sent it with `bg`. Where the system does not say, and without a terminal of its
 * own, yes.
 */
export function isInForeground(): boolean {
  const job = readJob();
  return job === undefined || !job.hasTerminal || job.isInForeground;
}

/**
 * Whom a shell stops at Ctrl-Z: all that it started with one line (`0`, the process group), this process alone where the
 * system does not tell its group, or nobody: without a terminal of its own there is no shell that could wake it again.
 */
export function stoppedByShell(): 0 | number | undefined {
  const job = readJob();
  if (job === undefined) return process.pid;
  return job.hasTerminal && job.isInForeground ? 0 : undefined;
}

/** From Linux; `undefined` elsewhere. */
function readJob(): { readonly hasTerminal: boolean; readonly isInForeground: boolean } | undefined {
  try {
    const stat = readFileSync("/proc/self/stat", "utf8");
    // The name of the program, in brackets, may hold anything.
    const [, , group, , terminal, foreground] = stat
      .slice(stat.lastIndexOf(")") + 1)
      .trim()
      .split(" ");
    return { hasTerminal: terminal !== "0", isInForeground: group === foreground };
  } catch {
    return undefined;
  }
}
