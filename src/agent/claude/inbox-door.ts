import { connect } from "node:net";
import type { Clock } from "../../core/clock.ts";
import { later } from "../../core/clock.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import { Deadline, pause } from "../../transport/wait.ts";
import { type FoundInHost, type Handed, type Handing, type HostDoor, NOT_OURS, type SoughtInHost } from "../door.ts";
import { ownSocket } from "../own-socket.ts";
import { agentOf, type ClaudeSession, sessionOf } from "./claude-session.ts";
import { isSessionRunning } from "./live-sessions.ts";
import { type Recorded, Transcript } from "./transcript.ts";

/** Ours. How long the socket has to take a message. */
const SEND_MS = 10_000;
/** Ours. The session's records follow what happens by a moment; a session whose user is asked about the message writes nothing. */
const RECORD_MS = 20_000;
/** Ours. From the record that it was taken to the one that it is in the conversation, where the session is idle. */
const CONVERSATION_MS = 5_000;
const LOOK_EVERY_MS = 250;

/**
 * The inbox of the session of Claude Code that started this process: what comes in is a turn of its own, in an idle session at
 * once, in a busy one after what it does, and leaves what its user is typing alone. The session's own records say what it took.
 */
export class ClaudeInboxDoor implements HostDoor {
  readonly name = "claude inbox";
  readonly canLook = true;
  readonly #session: ClaudeSession;
  readonly #clock: Clock;
  readonly #from: string;
  readonly #transcript: Transcript;

  /** `from`: what this agent's voice is called, as the session shows it. */
  constructor(session: ClaudeSession, { clock, from }: { readonly clock: Clock; readonly from: string }) {
    this.#session = session;
    this.#clock = clock;
    this.#from = from;
    this.#transcript = new Transcript(session);
  }

  async hand({ ids, mayGive, text }: Handing, signal: AbortSignal): Promise<Handed> {
    const { sessionId, socket, token } = this.#session;
    const content = `<cross-session-message from="uds:/entmoot.sock" from-name="${this.#from}">\n${text}\n</cross-session-message>`;
    const frame = {
      type: "user",
      msgV: 1,
      msg_id: crypto.randomUUID(),
      from: "uds:/entmoot.sock",
      // Between two calls of a busy session it would come with the weight of the host's own words.
      priority: "later",
      session_id: sessionId,
      message: { role: "user", content },
    };
    let target: string;
    try {
      target = ownSocket(socket);
    } catch (error) {
      return { level: "later", reason: `claude inbox: ${textOf(error)}` };
    }
    // Of a session of days all that is read again and again is what came since.
    const from = this.#transcript.length;
    if (!(await mayGive())) return NOT_OURS;
    const auth = token === undefined ? [] : [{ type: "auth", token }];
    await send(target, [...auth, frame], { clock: this.#clock, signal });
    const seen = await this.#await(ids, from, signal);
    const evidence = `session ${sessionId}: ${seen ?? "nothing in its records"}`;
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

  async [Symbol.asyncDispose](): Promise<void> {}

  /** What its records say from the byte `from` on of all of `ids`, once each is in the conversation or the time is over. */
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

interface Sending {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Rejects with `unavailable` where nobody takes it: the session is gone, or never had an inbox. What a session that is stopped, or
 * ends the connection, does with what it was sent its records say: all of it may be with it.
 */
async function send(path: string, lines: readonly object[], { clock, signal: parent }: Sending): Promise<void> {
  using deadline = new Deadline(clock, SEND_MS, parent);
  const { signal } = deadline;
  const { promise, reject, resolve } = Promise.withResolvers<void>();
  const socket = connect(path);
  let isSent = false;
  const onAbort = () => socket.destroy(new Error("it does not take what it is sent"));
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once("error", (error) => (isSent ? resolve() : reject(error)));
  socket.once("close", () => resolve());
  socket.once("connect", () => {
    isSent = true;
    socket.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  });
  socket.resume();
  try {
    await promise;
  } catch (cause) {
    throw new EntmootError("unavailable", `claude inbox: ${textOf(cause)}`, { cause });
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}
