import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import type { Clock } from "../../core/clock.ts";
import { textOf } from "../../core/errors.ts";
import type { Log } from "../../host/log.ts";
import { pause } from "../../transport/wait.ts";
import type { HostSight } from "../host-sight.ts";
import { AppServer } from "./app-server.ts";
import { callOurs, isLookedAt, isOfPerson, personThreads, readThread, type Thread, unlessDeclined } from "./threads.ts";

/** Ours. Codex starts its servers of tools before it has the thread, and may have none that can be reached; doubling. */
const AGAIN_FIRST_MS = 250;
const AGAIN_MAX_MS = 5_000;
/** Ours. A thread whose servers still start is asked again, one of another server not for ever. */
const CALLS_MAX = 3;

export interface OwnThreadParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly sight: HostSight;
  readonly socket: string;
  readonly cwd: string;
  readonly version: string;
}

/** Codex's own folder, which it tells none of its children: set-up does. */
export function codexHome(env: Readonly<Record<string, string | undefined>>): string {
  const { CODEX_HOME: told } = env;
  return told !== undefined && isAbsolute(told) ? told : join(env.HOME || homedir(), ".codex");
}

/** Where the server listens that its terminals share. */
export function codexSocket(home: string): string {
  return join(home, "app-server-control", "app-server-control.sock");
}

/**
 * The thread whose server of tools this process is, once somebody looks at it. `undefined` once `signal` aborts, and where it is
 * none that a person talks in. A call of any tool tells which it is; until one comes, Codex is asked to call ours in each
 * thread that may be the one.
 */
export async function ownThread(parts: OwnThreadParts, signal: AbortSignal): Promise<string | undefined> {
  const { clock, log, socket, version } = parts;
  const calls = new Map<string, number>();
  let againMs = AGAIN_FIRST_MS;
  while (!signal.aborted) {
    try {
      using server = await AppServer.connect(socket, { clock, signal, version });
      const mine = await seenThread(server, parts, calls, signal);
      if (mine !== undefined) {
        if (!isOfPerson(mine)) return undefined;
        if (await isLookedAt(server, mine, clock, signal)) return mine.id;
      }
    } catch (error) {
      if (signal.aborted) return undefined;
      log.debug(`codex: ${textOf(error)}; trying again`);
    }
    await pause(clock, againMs, signal);
    againMs = Math.min(AGAIN_MAX_MS, againMs * 2);
  }
  return undefined;
}

async function seenThread(
  server: AppServer,
  { cwd, sight }: OwnThreadParts,
  calls: Map<string, number>,
  signal: AbortSignal,
): Promise<Thread | undefined> {
  if (sight.threadId === undefined) {
    const threads = await personThreads(server, signal);
    // A thread's servers run in its folder, unless their entry names another.
    const likely = threads.toSorted((one, other) => Number(other.cwd === cwd) - Number(one.cwd === cwd));
    for (const { id } of likely) {
      const called = calls.get(id) ?? 0;
      if (called >= CALLS_MAX) continue;
      calls.set(id, called + 1);
      await callOurs(server, id, signal);
      if (sight.threadId !== undefined) break;
    }
  }
  const { threadId } = sight;
  return threadId === undefined ? undefined : await readThread(server, threadId, signal).catch(unlessDeclined);
}
