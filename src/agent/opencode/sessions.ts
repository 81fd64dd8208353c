import { readFileSync } from "node:fs";
import * as v from "valibot";
import { codeOf } from "../../core/system-error.ts";
import { OpencodeNo, type OpencodeServer } from "./opencode-server.ts";

/** What a session that is made for messages is called; without a name a model would be asked for one. */
const TITLE = "Messages";
/** Ours. Sessions and messages asked for at once, and pages of them. */
const SESSIONS_MAX = 64;
const PAGE = 50;
const PAGES_MAX = 20;
/** Ours. What is looked for was handed over within the hour. */
const LOOKED_BACK_MS = 2 * 3_600_000;
/** Ours. By how much the times of two processes of one machine may differ. */
const SLACK_MS = 2_000;

const session = v.object({
  id: v.string(),
  directory: v.nullish(v.string()),
  parentID: v.nullish(v.string()),
  time: v.object({ updated: v.number() }),
});
const sessions = v.pipe(v.array(session), v.maxLength(10_000));
const statuses = v.record(v.string(), v.object({ type: v.string() }));
const messages = v.pipe(
  v.array(
    v.object({
      info: v.object({
        id: v.string(),
        role: v.string(),
        parentID: v.nullish(v.string()),
        time: v.object({ created: v.number() }),
      }),
      parts: v.array(v.object({ metadata: v.nullish(v.object({ entmoot: v.nullish(v.string()) })) })),
    }),
  ),
  v.maxLength(10_000),
);

type OpencodeSession = v.InferOutput<typeof session>;
type SessionMessage = v.InferOutput<typeof messages>[number];

export interface OpencodePlace {
  readonly folder: string;
  readonly pid: number;
  /** When this process began, which opencode starts with its terminal. Unix milliseconds. */
  readonly sinceMs: number;
}

/**
 * The session that a message goes into: the one at work last since this opencode began, the one that it was told to go on with, or
 * a new one, which its terminal is made to show. What its user has typed stays.
 */
export async function sessionFor(server: OpencodeServer, place: OpencodePlace, signal: AbortSignal): Promise<string> {
  const found = (await server.get(`/session?limit=${SESSIONS_MAX}`, sessions, signal)).value
    .filter(({ directory, parentID }) => (parentID ?? "") === "" && (directory ?? place.folder) === place.folder)
    .toSorted((one, other) => other.time.updated - one.time.updated);
  const chosen = (await atWorkHere(server, found, place, signal)) ?? goneOnWith(found, argumentsOf(place.pid));
  if (chosen !== undefined) return chosen;
  const { id } = await server.post("/session", { title: TITLE }, session, signal);
  // Without a terminal there is nobody to show it to.
  await server.post("/tui/select-session", { sessionID: id }, v.unknown(), signal).catch(unlessNo);
  return id;
}

/** Several opencodes keep their sessions in one place: which of them are this one's its plugin tells, and else the time at most. */
async function atWorkHere(
  server: OpencodeServer,
  found: readonly OpencodeSession[],
  { sinceMs }: OpencodePlace,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!server.hasPlugin) return found.find(({ time }) => time.updated >= sinceMs - SLACK_MS)?.id;
  const { value } = await server.get("/entmoot/sessions", v.pipe(v.array(v.string()), v.maxLength(64)), signal);
  return value.find((id) => found.some((each) => each.id === id));
}

/** `opencode -c` and `opencode -s ID` show a session that nothing happened in yet. */
function goneOnWith(found: readonly OpencodeSession[], args: readonly string[]): string | undefined {
  if (args.includes("-c") || args.includes("--continue")) return found[0]?.id;
  const at = args.findIndex((arg) => arg === "-s" || arg === "--session");
  const told = at < 0 ? args.find((arg) => arg.startsWith("--session="))?.slice("--session=".length) : args[at + 1];
  return found.find(({ id }) => id === told)?.id;
}

/** What a process was started with, where the system shows it. */
function argumentsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return [];
  }
}

export async function isBusy(server: OpencodeServer, sessionId: string, signal: AbortSignal): Promise<boolean> {
  const { value } = await server.get("/session/status", statuses, signal);
  return (value[sessionId]?.type ?? "idle") !== "idle";
}

/** What a session's record says of messages. */
export interface InSession {
  /** Those that stand in it. */
  readonly found: ReadonlySet<string>;
  /** Whether the model was asked about each that stands in it. */
  readonly isRun: boolean;
}

/** Of `marks`, what the newest messages of a session say. */
export async function newestIn(
  server: OpencodeServer,
  sessionId: string,
  marks: readonly string[],
  signal: AbortSignal,
): Promise<InSession> {
  const { value } = await server.get(`/session/${sessionId}/message?limit=${PAGE}`, messages, signal);
  const ours = value.filter((message) => marks.some((mark) => isMarked(message, mark)));
  return {
    found: new Set(marks.filter((mark) => ours.some((message) => isMarked(message, mark)))),
    isRun: ours.every(({ info: { id } }) => value.some(({ info }) => info.parentID === id)),
  };
}

/**
 * Which of `marks` stand in any session that was at work within the last two hours, of every folder where the server tells of them,
 * and whether the model was asked about them; `isWhole`: those that do not stand in none.
 */
export async function markedAnywhere(
  server: OpencodeServer,
  marks: readonly string[],
  nowMs: number,
  signal: AbortSignal,
): Promise<{ readonly found: ReadonlyMap<string, "delivered" | "run">; readonly isWhole: boolean }> {
  const found = new Map<string, "delivered" | "run">();
  const all = await server
    .get(`/experimental/session?limit=${SESSIONS_MAX}`, sessions, signal)
    .catch(unlessNo)
    .then((answer) => answer ?? server.get(`/session?limit=${SESSIONS_MAX}`, sessions, signal));
  let isWhole = all.value.length < SESSIONS_MAX || all.value.some((each) => isOver(each.time.updated, nowMs));
  for (const { id, time } of all.value) {
    if (isOver(time.updated, nowMs)) continue;
    isWhole = (await markedIn(server, id, { marks, found, nowMs }, signal)) && isWhole;
    if (found.size === marks.length) break;
  }
  return { found, isWhole };
}

interface Sought {
  readonly marks: readonly string[];
  /** Grows by those that are found. */
  readonly found: Map<string, "delivered" | "run">;
  readonly nowMs: number;
}

/** Whether all of a session was looked at that may hold them. */
async function markedIn(server: OpencodeServer, id: string, sought: Sought, signal: AbortSignal): Promise<boolean> {
  const { found, marks, nowMs } = sought;
  // The model's words stand behind what they answer: on the same page, or on one before.
  const answeredIds = new Set<string>();
  let before = "";
  for (let page = 0; page < PAGES_MAX; page++) {
    const path = `/session/${id}/message?limit=${PAGE}${before}`;
    const answer = await server.get(path, messages, signal).catch(unlessNo);
    // Deleted meanwhile, by its user.
    if (answer === undefined) return true;
    for (const { info } of answer.value) if (typeof info.parentID === "string") answeredIds.add(info.parentID);
    for (const mark of marks) {
      const ours = answer.value.filter((message) => isMarked(message, mark));
      if (ours.length > 0) found.set(mark, ours.some(({ info }) => answeredIds.has(info.id)) ? "run" : "delivered");
    }
    const isBack = answer.value.some(({ info }) => isOver(info.time.created, nowMs));
    if (isBack || answer.next === undefined || found.size === marks.length) return true;
    before = `&before=${encodeURIComponent(answer.next)}`;
  }
  return false;
}

function isOver(ms: number, nowMs: number): boolean {
  return ms < nowMs - LOOKED_BACK_MS;
}

/** Words that name a message are no sign of it: what this program gives carries its ids beside the words. */
function isMarked({ info, parts }: SessionMessage, mark: string): boolean {
  return info.role === "user" && parts.some(({ metadata }) => metadata?.entmoot?.split(" ").includes(mark) === true);
}

function unlessNo(error: unknown): undefined {
  if (!(error instanceof OpencodeNo)) throw error;
}
