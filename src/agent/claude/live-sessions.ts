import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../core/system-error.ts";
import { startOf } from "../running/processes.ts";

/** Ours. Sessions that are looked at, and bytes of what one says of itself. */
const SESSIONS_MAX = 4096;
const SESSION_BYTES_MAX = 64 * 1024;

/**
 * Whether a session may still be running: each says in a file named after its process that it is there, and one that was killed
 * leaves it.
 */
export function isSessionRunning(configFolder: string, sessionId: string): boolean {
  const folder = join(configFolder, "sessions");
  try {
    const pids = readdirSync(folder).flatMap((name) => /^(\d{1,10})\.json$/.exec(name)?.[1] ?? []);
    if (pids.length > SESSIONS_MAX) return true;
    return pids.some((pid) => isRunning(Number(pid)) && mayBeOf(join(folder, `${pid}.json`), Number(pid), sessionId));
  } catch (error) {
    return codeOf(error) !== "ENOENT";
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/** Whether what stands in the file may be of that session, and of the process that has that number now. */
function mayBeOf(path: string, pid: number, sessionId: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return false;
  if (!status.isFile() || status.size > SESSION_BYTES_MAX) return true;
  const text = readFileSync(path, "utf8");
  const began = /"procStart":\s*"(\d+)"/.exec(text)?.[1];
  const begins = startOf(pid);
  const isReused = began !== undefined && begins !== undefined && began !== begins;
  return !isReused && text.includes(sessionId);
}
