import { readdirSync } from "node:fs";
import { join } from "node:path";
import { agentOf, claudeFolder } from "../claude/claude-session.ts";
import { ClaudeInboxDoor } from "../claude/inbox-door.ts";
import { readSessionFile, type SessionFile, sessionsFolder } from "../claude/session-file.ts";
import { recordsOf } from "../records-of.ts";
import { isAlive, realFolder, startOf } from "./processes.ts";
import type { RunningHost, RunningParts } from "./running.ts";

/** Ours. A folder of many years may hold as many of them. */
const SESSIONS_MAX = 4096;

/**
 * The session of Claude Code that began last in the project folder. It reads its tools at its start alone; its inbox hears any
 * process of its user.
 */
export function runningClaude({ clock, places }: Pick<RunningParts, "clock" | "places">): RunningHost | undefined {
  const configFolder = claudeFolder({ HOME: places.home, ...places.env });
  const here = realFolder(places.project);
  const [newest] = sessionFiles(sessionsFolder(configFolder))
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
  return files.flatMap((name) => readSessionFile(join(folder, name)) ?? []);
}
