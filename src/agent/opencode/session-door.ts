import * as v from "valibot";
import type { Clock, SteadyMs } from "../../core/clock.ts";
import { later } from "../../core/clock.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import { pause } from "../../transport/wait.ts";
import { type FoundInHost, type Handed, type Handing, type HostDoor, NOT_OURS, type SoughtInHost } from "../door.ts";
import { OpencodeNo, type OpencodeServer } from "./opencode-server.ts";
import { isBusy, markedAnywhere, newestIn, type OpencodePlace, sessionFor } from "./sessions.ts";

/** Ours. A run may take long; what waits for its end meanwhile is in hand for at most an hour. */
const BUSY_MS = 45 * 60_000;
const BUSY_EVERY_MS = 500;
/** Ours. What was taken stands in the session within a moment, and is run soon after. */
const RECORD_MS = 20_000;
const LOOK_EVERY_MS = 250;
/** Ours. How often it is looked whether the server still answers, and how often in a row it need not. */
const WATCH_EVERY_MS = 5_000;
const WATCH_FAILURES_MAX = 3;

export interface OpencodeDoorParts {
  readonly clock: Clock;
  readonly server: OpencodeServer;
  readonly place: OpencodePlace;
}

/**
 * The session that opencode's terminal shows: what comes in is a run of its own once nothing runs there. The session's messages say
 * what it took.
 */
export class OpencodeSessionDoor implements HostDoor {
  readonly name = "opencode session";
  readonly canLook = true;
  readonly #parts: OpencodeDoorParts;

  constructor(parts: OpencodeDoorParts) {
    this.#parts = parts;
  }

  async hand({ ids, mayGive, text }: Handing, signal: AbortSignal): Promise<Handed> {
    const { clock, server } = this.#parts;
    const marks = ids.map(markOf);
    let session: string;
    try {
      const free = await this.#whenFree(signal);
      if (free === undefined) return { level: "later", reason: "the session is busy" };
      session = free;
      const before = await newestIn(server, session, marks, signal);
      if (before.found.size === marks.length) return { level: "delivered", evidence: `session ${session} had it` };
    } catch (error) {
      return { level: "later", reason: textOf(error) };
    }
    if (!(await mayGive())) return NOT_OURS;
    // The server makes the id: one that came before would add the words to the old ones, and run nothing.
    const parts = [{ type: "text", text, metadata: { entmoot: marks.join(" ") } }];
    try {
      await server.post(`/session/${session}/prompt_async`, { parts }, v.unknown(), signal);
    } catch (error) {
      if (!(error instanceof OpencodeNo)) throw error;
      // A session that its user deleted is another the next time.
      return {
        level: [404, 409, 429].includes(error.status) ? "later" : "refused",
        reason: `opencode: ${error.message}`,
      };
    }
    return await this.#evidence(session, marks, clock.steady(), signal);
  }

  async look({ ids }: SoughtInHost, signal: AbortSignal): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    const { clock, server } = this.#parts;
    // What was sent a moment ago may not be on record yet.
    await pause(clock, LOOK_EVERY_MS, signal);
    const { found, isWhole } = await markedAnywhere(server, ids.map(markOf), clock.unix(), signal);
    const foundOf = (mark: string): FoundInHost => {
      if (found.has(mark)) return found.get(mark) === "run" ? "read" : "present";
      return isWhole ? "absent" : "unknown";
    };
    return new Map(ids.map((id) => [id, foundOf(markOf(id))]));
  }

  /** Resolves once the server no longer answers, or `signal` aborts. */
  async gone(signal: AbortSignal): Promise<void> {
    const { clock, server } = this.#parts;
    let failures = 0;
    while (!signal.aborted && failures < WATCH_FAILURES_MAX) {
      await pause(clock, WATCH_EVERY_MS, signal);
      try {
        await server.get("/session/status", v.unknown(), signal);
        failures = 0;
      } catch {
        failures += 1;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** A run that is under way is waited for: what joins it comes between its calls of tools as its user's words. */
  async #whenFree(signal: AbortSignal): Promise<string | undefined> {
    const { clock, place, server } = this.#parts;
    const giveUpAt = later(clock.steady(), BUSY_MS);
    while (!signal.aborted && clock.steady() < giveUpAt) {
      const session = await sessionFor(server, place, signal);
      if (!(await isBusy(server, session, signal))) return session;
      await pause(clock, BUSY_EVERY_MS, signal);
    }
    return undefined;
  }

  async #evidence(session: string, marks: readonly string[], sentAt: SteadyMs, signal: AbortSignal): Promise<Handed> {
    const { clock, server } = this.#parts;
    for (;;) {
      const { found, isRun } = await newestIn(server, session, marks, signal);
      const isThere = found.size === marks.length;
      if (isThere && isRun) return { level: "read", evidence: `session ${session}: its model was asked` };
      if (signal.aborted || clock.steady() - sentAt >= RECORD_MS) {
        if (isThere) return { level: "delivered", evidence: `session ${session} has it, and runs nothing yet` };
        throw new EntmootError("unavailable", "opencode: it was taken, and the session does not hold it");
      }
      await pause(clock, LOOK_EVERY_MS, signal);
    }
  }
}

/** How a message stands in its envelope, and beside the words in the session. */
function markOf(id: MessageId): string {
  return MessageId.toBase64(id);
}
