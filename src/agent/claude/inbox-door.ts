import { connect } from "node:net";
import type { Clock } from "../../core/clock.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import type { MessageId } from "../../core/ids.ts";
import { Deadline } from "../../transport/wait.ts";
import { type FoundInHost, type Handed, type Handing, type HostDoor, NOT_OURS, type SoughtInHost } from "../door.ts";
import { ownSocket } from "../own-socket.ts";
import type { ClaudeSession } from "./claude-session.ts";
import { SessionRecords } from "./session-records.ts";

/** Ours. How long the socket has to take a message. */
const SEND_MS = 10_000;
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
  readonly #records: SessionRecords;

  /** `from`: what this agent's voice is called, as the session shows it. */
  constructor(session: ClaudeSession, { clock, from }: { readonly clock: Clock; readonly from: string }) {
    this.#session = session;
    this.#clock = clock;
    this.#from = from;
    this.#records = new SessionRecords(session, clock);
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
    const from = this.#records.length;
    if (!(await mayGive())) return NOT_OURS;
    const auth = token === undefined ? [] : [{ type: "auth", token }];
    await send(target, [...auth, frame], { clock: this.#clock, signal });
    return await this.#records.proof(ids, from, signal);
  }

  look(sought: SoughtInHost, signal: AbortSignal): Promise<ReadonlyMap<MessageId, FoundInHost>> {
    return this.#records.look(sought, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
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
