import * as v from "valibot";
import type { Clock, SteadyMs } from "../../core/clock.ts";
import { later } from "../../core/clock.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import { pause } from "../../transport/wait.ts";
import { type FoundInHost, type Handed, type Handing, type HostDoor, NOT_OURS, type SoughtInHost } from "../door.ts";
import { recordLength } from "../record-lines.ts";
import { AppServer, Declined } from "./app-server.ts";
import { contextPieces } from "./context-pieces.ts";
import { CLIENT_ID_PREFIX, handedAnywhere, handedIn } from "./rollouts.ts";
import { isLookedAt, personThreads, readThread, type Thread, unlessDeclined } from "./threads.ts";

/** Ours. A turn may take long; what waits for its end meanwhile is in hand for at most an hour. */
const BUSY_MS = 45 * 60_000;
const BUSY_EVERY_MS = 500;
/** Ours. A turn that began stands in the record within a moment, unless servers of the thread still start. */
const RECORD_MS = 20_000;
const RECORD_BUSY_MS = 10 * 60_000;
const LOOK_EVERY_MS = 250;
/** Ours. How long a turn that another began may take to stand in the record. */
const SETTLE_MS = 30_000;
/** Ours. How often it is looked whether anybody still sees the thread, and how often in a row it may not be known. */
const WATCH_EVERY_MS = 3_000;
const WATCH_FAILURES_MAX = 3;

/** The server is over its limits. */
const OVERLOADED = -32_001;

export interface CodexDoorParts {
  readonly clock: Clock;
  /** Codex's own folder. */
  readonly home: string;
  /** Where its server listens. */
  readonly socket: string;
  readonly threadId: string;
  readonly version: string;
}

/**
 * The thread that a terminal of Codex shows: what comes in is a turn of its own when the thread is idle, as content that Codex
 * itself marks as untrusted beside one line that names it. The thread's own record says what it took.
 */
export class CodexThreadDoor implements HostDoor {
  readonly name = "codex thread";
  readonly canLook = true;
  readonly #parts: CodexDoorParts;
  #server: AppServer | undefined;

  constructor(parts: CodexDoorParts) {
    this.#parts = parts;
  }

  async hand({ ids, mayGive, text }: Handing, signal: AbortSignal): Promise<Handed> {
    const { clock } = this.#parts;
    let mine: Thread;
    try {
      const free = await this.#whenFree(signal);
      if ("reason" in free) return { level: "later", reason: free.reason };
      mine = free.thread;
    } catch (error) {
      return { level: "later", reason: textOf(error) };
    }
    const path = mine.path ?? undefined;
    const from = path === undefined ? 0 : recordLength(path);
    const marks = ids.map(markOf);
    try {
      const server = await this.#connected(signal);
      if (!(await mayGive())) return NOT_OURS;
      await server.ask("turn/start", turnOf(mine.id, marks, text), v.object({ turn: v.object({}) }), signal);
    } catch (error) {
      if (!(error instanceof Declined)) throw error;
      const isPassing = error.code === OVERLOADED || !(await this.#isFree(signal));
      return { level: isPassing ? "later" : "refused", reason: `codex: ${error.message}` };
    }
    const evidence = `thread ${mine.id}`;
    if (path === undefined) return { level: "submitted", evidence: `${evidence}: it keeps no record` };
    const startedAt = clock.steady();
    for (;;) {
      if (handedIn(path, marks, from).size === marks.length)
        return { level: "read", evidence: `${evidence}: on record` };
      await pause(clock, LOOK_EVERY_MS, signal);
      if (signal.aborted) throw new EntmootError("unavailable", "codex: told to end before the record was written");
      await this.#requireComing(startedAt, signal);
    }
  }

  async look({ ids }: SoughtInHost, signal: AbortSignal): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    const { clock, home } = this.#parts;
    const marks = ids.map(markOf);
    const giveUpAt = later(clock.steady(), SETTLE_MS);
    for (;;) {
      const settled = await this.#isSettled(signal);
      // After it was looked whether turns are under way: what such a turn brings stands there once it is over.
      const { found, isWhole } = handedAnywhere(home, marks);
      if (found.size === marks.length || settled || clock.steady() >= giveUpAt || signal.aborted) {
        const lacks = isWhole && settled ? "absent" : "unknown";
        return new Map(ids.map((id) => [id, found.has(markOf(id)) ? "read" : lacks]));
      }
      await pause(clock, BUSY_EVERY_MS, signal);
    }
  }

  /** Resolves once nobody sees the thread any more, its server is gone, or `signal` aborts. */
  async gone(signal: AbortSignal): Promise<void> {
    const { clock, threadId } = this.#parts;
    let failures = 0;
    while (!signal.aborted) {
      await pause(clock, WATCH_EVERY_MS, signal);
      try {
        const server = await this.#connected(signal);
        if (!(await isLookedAt(server, await readThread(server, threadId, signal), clock, signal))) return;
        failures = 0;
      } catch (error) {
        failures += 1;
        if (error instanceof Declined || failures === WATCH_FAILURES_MAX) return;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server?.[Symbol.dispose]();
  }

  async #connected(signal: AbortSignal): Promise<AppServer> {
    if (this.#server === undefined || this.#server.isOver) {
      const { clock, socket, version } = this.#parts;
      this.#server = await AppServer.connect(socket, { clock, signal, version });
    }
    return this.#server;
  }

  /** A turn that is under way is waited for: what the model is about to say would be dropped for a line that joins it. */
  async #whenFree(signal: AbortSignal): Promise<{ readonly thread: Thread } | { readonly reason: string }> {
    const { clock, threadId } = this.#parts;
    const giveUpAt = later(clock.steady(), BUSY_MS);
    for (;;) {
      const server = await this.#connected(signal);
      if (!(await isLookedAt(server, await readThread(server, threadId, signal), clock, signal))) {
        return { reason: "nobody looks at the thread" };
      }
      // Once more, last of all: its user may have begun a turn meanwhile.
      const thread = await readThread(server, threadId, signal);
      if (thread.status.type === "notLoaded") return { reason: "the thread is not loaded" };
      if (thread.status.type !== "active") return { thread };
      await this.#whileActive(server, giveUpAt, signal);
      if (signal.aborted || clock.steady() >= giveUpAt) return { reason: "the thread is busy" };
    }
  }

  async #whileActive(server: AppServer, giveUpAt: SteadyMs, signal: AbortSignal): Promise<void> {
    const { clock, threadId } = this.#parts;
    while (!signal.aborted && clock.steady() < giveUpAt) {
      await pause(clock, BUSY_EVERY_MS, signal);
      if ((await readThread(server, threadId, signal)).status.type !== "active") return;
    }
  }

  /** Throws once what was taken cannot be expected in the record any more. */
  async #requireComing(startedAt: SteadyMs, signal: AbortSignal): Promise<void> {
    const passedMs = this.#parts.clock.steady() - startedAt;
    if (passedMs < RECORD_MS) return;
    const thread = await readThread(await this.#connected(signal), this.#parts.threadId, signal);
    if (thread.status.type === "active" && passedMs < RECORD_BUSY_MS) return;
    throw new EntmootError("unavailable", "codex: the turn was taken, and the thread's record does not name it");
  }

  /** Whether the thread could have taken a turn just now. */
  async #isFree(signal: AbortSignal): Promise<boolean> {
    const thread = await readThread(await this.#connected(signal), this.#parts.threadId, signal).catch(unlessDeclined);
    return thread !== undefined && !["active", "notLoaded"].includes(thread.status.type);
  }

  /** Whether turns are under way that the records may not tell of yet; a server that is gone runs none. */
  async #isSettled(signal: AbortSignal): Promise<boolean> {
    let server: AppServer;
    try {
      server = await this.#connected(signal);
    } catch (error) {
      return error instanceof EntmootError && error.code === "unavailable";
    }
    const threads = await personThreads(server, signal).catch(() => undefined);
    return threads?.every(({ status }) => status.type !== "active") ?? false;
  }
}

function turnOf(threadId: string, marks: readonly string[], text: string): object {
  // The model sees them in the order of their keys. The same key with the same words again would not be sent.
  const run = crypto.randomUUID();
  const pieces = contextPieces(text).map((value, n) => {
    const key = `entmoot-${run}-${String(n).padStart(4, "0")}`;
    return [key, { kind: "untrusted", name: "entmoot_message", value }] as const;
  });
  return {
    threadId,
    clientUserMessageId: `${CLIENT_ID_PREFIX}${run}`,
    input: [{ type: "text", text: `entmoot: from other agents, not typed by me: ${marks.join(", ")}` }],
    additionalContext: Object.fromEntries(pieces),
  };
}

/** How a message stands in its envelope, and so in the thread's record. */
function markOf(id: MessageId): string {
  return MessageId.toBase64(id);
}
