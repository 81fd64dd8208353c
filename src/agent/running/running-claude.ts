import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { readTextAtMost } from "../../files/read-at-most.ts";
import { agentOf, claudeFolder } from "../claude/claude-session.ts";
import { ClaudeInboxDoor } from "../claude/inbox-door.ts";
import { recordsOf } from "../records-of.ts";
import { isAlive, realFolder, startOf } from "./processes.ts";
import type { RunningHost, RunningParts } from "./running.ts";

/** Ours. What a session says of itself is some 700 bytes; a folder of many years may hold as many of them. */
const SESSION_BYTES_MAX = 64 * 1024;
const SESSIONS_MAX = 4096;

const sessionFile = v.object({
  pid: v.pipe(v.number(), v.safeInteger(), v.minValue(2)),
  sessionId: v.pipe(v.string(), v.regex(/^[0-9a-f-]{16,64}$/i)),
  cwd: v.string(),
  startedAt: v.optional(v.number(), 0),
  procStart: v.optional(v.string()),
  messagingSocketPath: v.optional(v.string()),
});

type SessionFile = v.InferOutput<typeof sessionFile>;

/**
 * The session of Claude Code that began last in the project folder. It reads its tools at its start alone; its inbox hears any
 * process of its user.
 */
export function runningClaude({ clock, places }: Pick<RunningParts, "clock" | "places">): RunningHost | undefined {
  const configFolder = claudeFolder({ HOME: places.home, ...places.env });
  const here = realFolder(places.project);
  const [newest] = sessionFiles(join(configFolder, "sessions"))
    .filter((each) => realFolder(each.cwd) === here && isStillThere(each))
    .toSorted((one, other) => other.startedAt - one.startedAt);
  if (newest === undefined) return undefined;
  const { messagingSocketPath: socket, pid, sessionId } = newest;
  const shown = `session ${sessionId}, process ${pid}`;
  if (socket === undefined) return { kind: "deaf", shown, why: "its inbox is closed, as /status says there" };
  const door = new ClaudeInboxDoor({ socket, sessionId, token: undefined, configFolder }, { clock, from: "entmoot" });
  return { kind: "door", shown, agent: agentOf(newest), instance: recordsOf(configFolder), door };
}

/** Its file outlives a session that was killed, and another process may have its number since. */
function isStillThere({ pid, procStart }: SessionFile): boolean {
  if (!isAlive(pid)) return false;
  const start = startOf(pid);
  return start === undefined || procStart === undefined || start === procStart;
}

function sessionFiles(folder: string): SessionFile[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return []; // It never ran here.
  }
  const files = names.filter((name) => /^\d+\.json$/.test(name)).slice(0, SESSIONS_MAX);
  return files.flatMap((name) => {
    try {
      return [v.parse(sessionFile, JSON.parse(readTextAtMost(join(folder, name), SESSION_BYTES_MAX) ?? ""))];
    } catch {
      return []; // It is being written, or of another version.
    }
  });
}
