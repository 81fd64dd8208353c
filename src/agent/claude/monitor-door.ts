import type { EnvelopeRoom } from "../../core/agents/envelope.ts";
import { type Clock, later, type SteadyMs } from "../../core/clock.ts";
import type { MessageId } from "../../core/ids.ts";
import { pause } from "../../transport/wait.ts";
import { type FoundInHost, type Handed, type Handing, type HostDoor, NOT_OURS, type SoughtInHost } from "../door.ts";
import type { ClaudeConversation } from "./claude-session.ts";
import { sessionNow } from "./session-file.ts";
import { SessionRecords } from "./session-records.ts";

/** Ours. A turn may take long; what waits for its end meanwhile is in hand for at most an hour. */
const BUSY_MS = 45 * 60_000;
const BUSY_EVERY_MS = 500;
/** Ours. The host takes some eight events at once, then one every two seconds, and drops the others with a word about how many. */
const EVERY_MS = 3_000;

/** Ours. The host cuts a line at 500 characters, and what comes at once at 3,000. */
export const MONITOR_ROOM: EnvelopeRoom = { messagesMax: 3, charactersMax: 2_900, lineMax: 480 };

/** What a session says of itself while its user is not asked and its model does nothing. */
const IDLE: readonly string[] = ["idle", "shell"];

/** Says it where the host reads what the monitor says; resolves once it is written. */
export type SayEvent = (text: string) => Promise<void>;

export interface ClaudeMonitorParts {
  readonly clock: Clock;
  readonly session: ClaudeConversation;
  /** The process of Claude Code that started the monitor. */
  readonly pid: number;
  readonly say: SayEvent;
}

/**
 * The monitor of our plugin in Claude Code: what it says at once is an event, a turn of its own in an idle session, which the host
 * itself marks as not its user's. The session's own records say what it took.
 */
export class ClaudeMonitorDoor implements HostDoor {
  readonly name = "claude monitor";
  readonly canLook = true;
  readonly room = MONITOR_ROOM;
  readonly #parts: ClaudeMonitorParts;
  readonly #records: SessionRecords;
  #notBefore: SteadyMs | undefined;

  constructor(parts: ClaudeMonitorParts) {
    this.#parts = parts;
    this.#records = new SessionRecords(parts.session, parts.clock);
  }

  async hand({ ids, mayGive, text }: Handing, signal: AbortSignal): Promise<Handed> {
    const { clock, say } = this.#parts;
    const busy = await this.#whenFree(signal);
    if (busy !== undefined) return { level: "later", reason: busy };
    const from = this.#records.length;
    if (!(await mayGive())) return NOT_OURS;
    this.#notBefore = later(clock.steady(), EVERY_MS);
    await say(`${text}\n`);
    return await this.#records.proof(ids, from, signal);
  }

  look(sought: SoughtInHost, signal: AbortSignal): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    return this.#records.look(sought, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  /** What is under way is waited for: an event would join it. Gives why nothing can be given. */
  async #whenFree(signal: AbortSignal): Promise<string | undefined> {
    const { clock, pid, session } = this.#parts;
    const giveUpAt = later(clock.steady(), BUSY_MS);
    for (;;) {
      const now = sessionNow(session.configFolder, pid);
      if (now !== undefined && now.sessionId !== session.sessionId) return "the session is another one now";
      // A version that says nothing of what it does takes it whenever it comes.
      const isFree = now?.status === undefined || IDLE.includes(now.status);
      const isPaced = this.#notBefore === undefined || clock.steady() >= this.#notBefore;
      if (signal.aborted) return "told to end";
      if (isFree && isPaced) return undefined;
      if (clock.steady() >= giveUpAt) return "the session is busy";
      await pause(clock, BUSY_EVERY_MS, signal);
    }
  }
}
