import { type Clock, later } from "../../core/clock.ts";
import { MessageId } from "../../core/ids.ts";
import { pause } from "../../transport/wait.ts";
import type { FoundInHost, Handed, SoughtInHost } from "../door.ts";
import { agentOf, type ClaudeConversation, sessionOf } from "./claude-session.ts";
import { isSessionRunning } from "./live-sessions.ts";
import { type Recorded, Transcript } from "./transcript.ts";

/** Ours. The session's records follow what happens by a moment; a session whose user is asked about the message writes nothing. */
const RECORD_MS = 20_000;
/** Ours. From the record that it was taken to the one that it is in the conversation, where the session is idle. */
const CONVERSATION_MS = 5_000;
const LOOK_EVERY_MS = 250;

/** What a session's own records prove of messages, whichever way they came. */
export class SessionRecords {
  readonly #session: ClaudeConversation;
  readonly #clock: Clock;
  readonly #transcript: Transcript;

  constructor(session: ClaudeConversation, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
    this.#transcript = new Transcript(session);
  }

  /** How long they are, in bytes. Of a session of days all that is read again and again is what came since. */
  get length(): number {
    return this.#transcript.length;
  }

  /** What they say from the byte `from` on of all of `ids`, once each is in the conversation or the time is over. */
  async proof(ids: readonly MessageId[], from: number, signal: AbortSignal): Promise<Handed> {
    const seen = await this.#await(ids, from, signal);
    const evidence = `session ${this.#session.sessionId}: ${seen ?? "nothing in its records"}`;
    if (seen === undefined) return { level: "submitted", evidence };
    return { level: seen === "in conversation" ? "read" : "delivered", evidence };
  }

  /** What went to another session stands in the records of that one alone, which lie beside those of this one. */
  async look({ agent, ids }: SoughtInHost, signal: AbortSignal): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    // What was sent a moment ago may not be on record yet.
    await pause(this.#clock, LOOK_EVERY_MS, signal);
    const sessionId = sessionOf(agent);
    if (sessionId === undefined) return new Map(ids.map((id) => [id, "unknown"]));
    const isOwn = agent === agentOf(this.#session);
    const isOver = isOwn || !isSessionRunning(this.#session.configFolder, sessionId);
    const transcript = isOwn ? this.#transcript : new Transcript({ ...this.#session, sessionId });
    const found = transcript.look(ids.map(markOf));
    // One that still runs may show it to its user, which no record says.
    const lacks = isOver ? "absent" : "unknown";
    const foundOf = (recorded: Recorded | undefined): FoundInHost =>
      recorded === "in conversation" ? "read" : recorded === "taken" ? "present" : lacks;
    return new Map(ids.map((id) => [id, foundOf(found.get(markOf(id)))]));
  }

  async #await(ids: readonly MessageId[], from: number, signal: AbortSignal): Promise<Recorded | undefined> {
    const marks = ids.map(markOf);
    let giveUpAt = later(this.#clock.steady(), RECORD_MS);
    let seen: Recorded | undefined;
    for (;;) {
      const found = this.#transcript.look(marks, from);
      if (marks.every((mark) => found.get(mark) === "in conversation")) return "in conversation";
      if (seen === undefined && marks.every((mark) => found.has(mark))) {
        seen = "taken";
        giveUpAt = later(this.#clock.steady(), CONVERSATION_MS);
      }
      if (this.#clock.steady() >= giveUpAt || signal.aborted) return seen;
      await pause(this.#clock, LOOK_EVERY_MS, signal);
    }
  }
}

/** How a message stands in its envelope, and so in the session's records. */
function markOf(id: MessageId): string {
  return MessageId.toBase64(id);
}
