import { join } from "node:path";
import * as v from "valibot";
import { readTextAtMost } from "../../files/read-at-most.ts";

/** Ours. What a session says of itself is some 700 bytes. */
const SESSION_BYTES_MAX = 64 * 1024;

const sessionFile = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(2)),
  sessionId: v.pipe(v.string(), v.regex(/^[0-9a-f-]{16,64}$/i)),
  cwd: v.optional(v.string(), ""),
  startedAt: v.optional(v.number(), 0),
  procStart: v.optional(v.string()),
  messagingSocketPath: v.optional(v.string()),
  status: v.optional(v.string()),
});

/** What a process of Claude Code says of the session that it shows; after `/clear` and `/resume` that is another one. */
export type SessionFile = v.InferOutput<typeof sessionFile>;

/** Where each says so, by its number. */
export function sessionsFolder(configFolder: string): string {
  return join(configFolder, "sessions");
}

/** `undefined` for what is no such file, is being written or is of another version. */
export function readSessionFile(path: string): SessionFile | undefined {
  try {
    return v.parse(sessionFile, JSON.parse(readTextAtMost(path, SESSION_BYTES_MAX) ?? ""));
  } catch {
    return undefined;
  }
}

/** The session that a process shows now. */
export function sessionNow(configFolder: string, pid: number): SessionFile | undefined {
  return readSessionFile(join(sessionsFolder(configFolder), `${pid}.json`));
}
