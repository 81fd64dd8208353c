import { connect } from "node:net";
import * as v from "valibot";
import type { Clock } from "../../core/clock.ts";
import { Deadline } from "../../transport/wait.ts";
import { type AppServer, Declined } from "./app-server.ts";

/** By which Codex lists a server of tools as ours, whatever its user called it, and a tool of ours that changes nothing. */
const OUR_NAME = "entmoot";
const OUR_TOOL = "entmoot_status";
/** Under this name a terminal lends its threads tools of its own, on a port of its own. */
const TERMINAL_SERVER = "codex_tui";
/** Ours. Threads that one server has loaded, the newest; people have a few. */
const THREADS_MAX = 64;
/** Ours. How long a port of this machine may take. */
const PORT_MS = 2_000;

const thread = v.object({
  id: v.string(),
  ephemeral: v.boolean(),
  parentThreadId: v.nullish(v.string()),
  canAcceptDirectInput: v.nullish(v.boolean()),
  preview: v.nullish(v.string()),
  recencyAt: v.nullish(v.number()),
  path: v.nullish(v.string()),
  cwd: v.string(),
  status: v.object({ type: v.string() }),
});
const threadAnswer = v.object({ thread });
const loadedAnswer = v.object({ data: v.pipe(v.array(v.string()), v.maxLength(16_384)) });
const serversAnswer = v.object({
  data: v.array(
    v.object({
      name: v.string(),
      httpOrigin: v.nullish(v.string()),
      serverInfo: v.nullish(v.object({ name: v.string() })),
    }),
  ),
});

/** A conversation as Codex's server tells of it. */
export type Thread = v.InferOutput<typeof thread>;

/** Throws as `AppServer.ask`. */
export async function readThread(server: AppServer, threadId: string, signal: AbortSignal): Promise<Thread> {
  return (await server.ask("thread/read", { threadId }, threadAnswer, signal)).thread;
}

/** Those that the server has loaded, newest first: their ids tell when they were made. */
async function loadedIds(server: AppServer, signal: AbortSignal): Promise<string[]> {
  const { data } = await server.ask("thread/loaded/list", {}, loadedAnswer, signal);
  return data.toSorted().reverse().slice(0, THREADS_MAX);
}

/** Whether a person can have a conversation in it: not one that finds a title, and none of a sub-agent. */
export function isOfPerson({ canAcceptDirectInput, ephemeral, parentThreadId }: Thread): boolean {
  return !ephemeral && (parentThreadId ?? undefined) === undefined && canAcceptDirectInput !== false;
}

/** Of the loaded threads those of persons; one that is unloaded meanwhile is left out. */
export async function personThreads(server: AppServer, signal: AbortSignal): Promise<Thread[]> {
  const threads: Thread[] = [];
  for (const id of await loadedIds(server, signal)) {
    const found = await readThread(server, id, signal).catch(unlessDeclined);
    if (found !== undefined && isOfPerson(found)) threads.push(found);
  }
  return threads;
}

/**
 * Has Codex call a tool of each server of ours in thread `threadId`: the one that is called learns from the call that the thread
 * is its own.
 */
export async function callOurs(server: AppServer, threadId: string, signal: AbortSignal): Promise<void> {
  const asked = { threadId, detail: "toolsAndAuthOnly" };
  const servers = await server.ask("mcpServerStatus/list", asked, serversAnswer, signal).catch(unlessDeclined);
  for (const { name, serverInfo } of servers?.data ?? []) {
    if (serverInfo?.name !== OUR_NAME) continue;
    const call = { threadId, server: name, tool: OUR_TOOL, arguments: {} };
    await server.ask("mcpServer/tool/call", call, v.unknown(), signal).catch(unlessDeclined);
  }
}

/**
 * Whether somebody can see what happens in `mine`. Codex's server goes on with a thread whose terminal was closed, and with those
 * that a terminal turned away from: one is looked at while the port of its terminal answers, and while no other thread of that
 * terminal was at work later. Where nothing tells whose it is, as with other programs than the terminal, it counts as seen.
 */
export async function isLookedAt(server: AppServer, mine: Thread, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const port = await terminalOf(server, mine.id, signal);
  if (port === undefined) return true;
  if (!(await answers(port, clock, signal))) return false;
  for (const other of await personThreads(server, signal)) {
    if (other.id === mine.id || !isLater(other, mine)) continue;
    if ((await terminalOf(server, other.id, signal)) === port) return false;
  }
  return true;
}

async function terminalOf(server: AppServer, threadId: string, signal: AbortSignal): Promise<string | undefined> {
  const asked = { threadId, serverName: TERMINAL_SERVER, detail: "toolsAndAuthOnly" };
  const servers = await server.ask("mcpServerStatus/list", asked, serversAnswer, signal).catch(unlessDeclined);
  return servers?.data.find(({ name }) => name === TERMINAL_SERVER)?.httpOrigin ?? undefined;
}

function isLater(one: Thread, other: Thread): boolean {
  const [atOne, atOther] = [lastAtWork(one), lastAtWork(other)];
  return atOne === atOther ? one.id > other.id : atOne > atOther;
}

/** In seconds. Of a thread before its first turn the server says the time of the question; its id says when it was made. */
function lastAtWork({ id, preview, recencyAt }: Thread): number {
  if ((preview ?? "") !== "" && typeof recencyAt === "number") return Math.floor(recencyAt);
  return Math.floor(Number.parseInt(id.replaceAll("-", "").slice(0, 12), 16) / 1000) || 0;
}

async function answers(origin: string, clock: Clock, signal: AbortSignal): Promise<boolean> {
  const url = URL.parse(origin);
  const host = url?.hostname.replace(/^\[(.*)\]$/, "$1") ?? "";
  const port = Number(url?.port);
  // Of another machine nothing is asked.
  if (!["127.0.0.1", "localhost", "::1"].includes(host) || !(port > 0)) return true;
  using deadline = new Deadline(clock, PORT_MS, signal);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port });
  const onAbort = () => resolve(false);
  deadline.signal.addEventListener("abort", onAbort, { once: true });
  socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  try {
    return await promise;
  } finally {
    deadline.signal.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}

/** A no about one thread, as to one that is gone, is no failure of the connection. */
export function unlessDeclined(error: unknown): undefined {
  if (!(error instanceof Declined)) throw error;
}
