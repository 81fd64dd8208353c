import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../core/system-error.ts";
import type { ClaudeSession } from "./claude-session.ts";

/** Ours. Sessions that are looked at, and bytes of what one says of itself. */
const SESSIONS_MAX = 4096;
const SESSION_BYTES_MAX = 64 * 1024;

/**
 * Whether another session than this one may be running: what came over its inbox and waits for its user stands in no record yet.
 * Each says in a file named after its process that it is there; one that was killed leaves it.
 */
export function hasOtherSessions({ configFolder, sessionId }: ClaudeSession): boolean {
  const folder = join(configFolder, "sessions");
  try {
    const pids = readdirSync(folder).flatMap((name) => /^(\d{1,10})\.json$/.exec(name)?.[1] ?? []);
    if (pids.length > SESSIONS_MAX) return true;
    return pids.some((pid) => isRunning(Number(pid)) && !isOf(join(folder, `${pid}.json`), sessionId));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") return true;
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

function isOf(path: string, sessionId: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return true;
  return status.isFile() && status.size <= SESSION_BYTES_MAX && readFileSync(path, "utf8").includes(sessionId);
}
