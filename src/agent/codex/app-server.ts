import * as v from "valibot";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { Deadline } from "../../transport/wait.ts";
import { ownSocket } from "../own-socket.ts";
import { UnixWebSocket } from "../unix-web-socket.ts";

/** Ours. The tools of all servers of a thread stand in one answer. */
const ANSWER_MAX = 8 * 1024 * 1024;
/** Ours. How long an answer may take; those that wait for servers to start take their time. */
const ASK_MS = 30_000;
/** Ours. What the server says when it says no. */
const REFUSAL_MAX = 500;

/** What Codex's server said to a question when it said no: nothing came of it. */
export class Declined extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message.slice(0, REFUSAL_MAX));
    this.code = code;
  }
}

const reply = v.object({
  id: v.number(),
  result: v.optional(v.unknown()),
  error: v.optional(v.object({ code: v.number(), message: v.string() })),
});

export interface AppServerParts {
  readonly clock: Clock;
  readonly version: string;
  readonly signal: AbortSignal;
}

/**
 * One connection to the server that Codex's terminals share: JSON-RPC without its version member, one message in each text
 * frame. What the server says or asks unasked is passed over: whether a tool may be called is its user's to say.
 */
export class AppServer implements Disposable {
  readonly #clock: Clock;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #socket: UnixWebSocket | undefined;
  #lastId = 0;
  #ended: EntmootError | undefined;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws `unavailable` where no server answers on `path`, `forbidden` where it is somebody else's. */
  static async connect(path: string, { clock, signal, version }: AppServerParts): Promise<AppServer> {
    const server = new AppServer(clock);
    server.#socket = await UnixWebSocket.connect(ownSocket(path), {
      clock,
      signal,
      messageMax: ANSWER_MAX,
      onMessage: (text) => server.#hear(text),
      onClose: (why) => server.#end(why),
    });
    try {
      const clientInfo = { name: "entmoot", title: "Entmoot", version };
      await server.ask("initialize", { clientInfo, capabilities: { experimentalApi: true } }, v.unknown(), signal);
      server.#socket.send(JSON.stringify({ method: "initialized" }));
      return server;
    } catch (error) {
      server[Symbol.dispose]();
      throw error;
    }
  }

  get isOver(): boolean {
    return this.#ended !== undefined;
  }

  /**
   * What `method` gives. Throws `Declined` when the server says no, `unavailable` when the connection ended or the answer is of
   * another shape, `timeout` when none came.
   */
  async ask<Schema extends v.GenericSchema>(
    method: string,
    params: object,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<v.InferOutput<Schema>> {
    if (this.#ended !== undefined) throw this.#ended;
    using deadline = new Deadline(this.#clock, ASK_MS, signal);
    const id = ++this.#lastId;
    const waiting = Promise.withResolvers<unknown>();
    const onAbort = () => waiting.reject(deadline.signal.reason);
    this.#waiting.set(id, waiting);
    deadline.signal.addEventListener("abort", onAbort, { once: true });
    if (deadline.signal.aborted) onAbort();
    else this.#socket?.send(JSON.stringify({ id, method, params }));
    try {
      const parsed = v.safeParse(schema, await waiting.promise);
      if (parsed.success) return parsed.output;
      const [issue] = parsed.issues;
      const where = v.getDotPath(issue) ?? "answer";
      throw new EntmootError(
        "unavailable",
        `codex: ${method}: ${where}: ${issue.message}; another version than is known`,
      );
    } finally {
      deadline.signal.removeEventListener("abort", onAbort);
      this.#waiting.delete(id);
    }
  }

  [Symbol.dispose](): void {
    this.#end(new EntmootError("unavailable", "codex: the connection was closed"));
  }

  #hear(text: string): void {
    let said: unknown;
    try {
      said = JSON.parse(text);
    } catch {
      this.#end(new EntmootError("unavailable", "codex: expected JSON, found something else"));
      return;
    }
    const { output, success } = v.safeParse(reply, said);
    // A question of the server's has an id too, and a method.
    if (!success || (typeof said === "object" && said !== null && "method" in said)) return;
    const waiting = this.#waiting.get(output.id);
    if (output.error === undefined) waiting?.resolve(output.result);
    else waiting?.reject(new Declined(output.error.code, output.error.message));
  }

  #end(why: EntmootError): void {
    if (this.#ended !== undefined) return;
    this.#ended = why;
    for (const waiting of this.#waiting.values()) waiting.reject(why);
    this.#socket?.[Symbol.dispose]();
  }
}
