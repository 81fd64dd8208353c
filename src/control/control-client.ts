import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { checkValue } from "../core/json/json-codec.ts";
import { version } from "../node/operations/daemon.ts";
import type { CallOptions, Loose, Operation, Operations } from "../node/operations/operation.ts";
import { Deadline } from "../transport/wait.ts";
import { CallConnection, SilentDaemon } from "./call-connection.ts";
import { dial } from "./dial.ts";
import { NothingSent } from "./socket-stream.ts";

/** Ours. How long to wait when finding out what kind of daemon this is. */
const WHO_ARE_YOU_MS = 5_000;

/**
 * A running daemon seen through one of its sockets. Its connection is kept and shared by all calls, and made anew when
 * the daemon has closed it meanwhile. A daemon of the original is asked in the original's frames.
 */
export class ControlClient implements Operations {
  readonly #path: string;
  readonly #clock: Clock;
  #connection: CallConnection;
  /** A connection being made, which every call that finds none shares. */
  #connecting: Promise<CallConnection> | undefined;
  #isOriginal: boolean | undefined;
  #isClosed = false;

  private constructor(path: string, clock: Clock, connection: CallConnection) {
    this.#path = path;
    this.#clock = clock;
    this.#connection = connection;
  }

  /** The daemon of the data root; `undefined` when none listens. Throws `control_unavailable` when it cannot be asked. */
  static connect(dataDir: string, clock: Clock): Promise<ControlClient | undefined> {
    return ControlClient.connectTo(join(dataDir, "control.sock"), clock);
  }

  /** The daemon behind a socket of its own or for agents. As `connect`. */
  static async connectTo(path: string, clock: Clock): Promise<ControlClient | undefined> {
    const stream = await dial(path, clock);
    return stream === undefined ? undefined : new ControlClient(path, clock, new CallConnection(stream, clock));
  }

  async call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event> = {},
  ): Promise<Answer> {
    options.signal?.throwIfAborted();
    checkValue(operation.request, request);
    if (!this.#isOriginal) {
      try {
        return (await this.#ask(operation, request, options)).answer;
      } catch (error) {
        if (!(error instanceof SilentDaemon) || !(await this.isOriginal())) throw error;
      }
    }
    const { OriginalDaemon } = await import("./original-daemon.ts");
    options.signal?.throwIfAborted();
    return new OriginalDaemon(this.#path, this.#clock).call(operation, request, options);
  }

  /**
   * One of the calls with which the daemon ends; resolves once its process is gone or has become another program. Throws
   * `timeout` when it is not after `timeoutMs`, and as the operation does.
   */
  async callLast<Request, Answer>(
    operation: Operation<Request, Answer>,
    request: Loose<Request>,
    timeoutMs: number,
  ): Promise<Answer> {
    checkValue(operation.request, request);
    using deadline = new Deadline(this.#clock, timeoutMs);
    let asked: Asked<Answer>;
    try {
      asked = await this.#ask(operation, request, { timeoutMs });
    } catch (error) {
      if (!(error instanceof SilentDaemon) || !(await this.isOriginal())) throw error;
      return this.call(operation, request, { timeoutMs });
    }
    const { answer, connection } = asked;
    await connection.closed(deadline.signal);
    if (deadline.signal.aborted) {
      throw new EntmootError("timeout", `the daemon has not ended within ${timeoutMs} ms; it may still`);
    }
    return answer;
  }

  /** Whether the daemon is an original, which knows none of our frames. Asked once, by one identifying question. */
  async isOriginal(): Promise<boolean> {
    if (this.#isOriginal === undefined) {
      try {
        await this.#ask(version, {}, { timeoutMs: WHO_ARE_YOU_MS });
        this.#isOriginal = false;
      } catch (error) {
        if (!(error instanceof SilentDaemon)) throw error;
        if (!(await this.#isAlive())) throw gone();
        this.#isOriginal = true;
      }
    }
    return this.#isOriginal;
  }

  /** Calls under way fail with `unavailable`, and so does every later one. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#connection[Symbol.dispose]();
    // One that is made meanwhile is nobody's.
    this.#connecting?.then(
      (connection) => connection[Symbol.dispose](),
      () => {},
    );
    return Promise.resolve();
  }

  async #ask<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event>,
  ): Promise<Asked<Answer>> {
    for (let attempt = 1; ; attempt++) {
      const connection = await this.#connected();
      try {
        return { connection, answer: await connection.call(operation, request, options) };
      } catch (error) {
        // A kept connection that the daemon had closed, which only writing shows.
        if (!(error instanceof NothingSent) || attempt > 1) throw error;
      }
    }
  }

  async #isAlive(): Promise<boolean> {
    const stream = await dial(this.#path, this.#clock);
    stream?.destroy();
    return stream !== undefined;
  }

  async #connected(): Promise<CallConnection> {
    if (this.#isClosed) throw new EntmootError("unavailable", "this client of the daemon is closed");
    if (!this.#connection.isOver) return this.#connection;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #connect(): Promise<CallConnection> {
    const stream = await dial(this.#path, this.#clock);
    if (stream === undefined) throw gone();
    this.#connection = new CallConnection(stream, this.#clock);
    return this.#connection;
  }
}

/** An answer and the connection it came over. */
interface Asked<Answer> {
  readonly answer: Answer;
  readonly connection: CallConnection;
}

function gone(): EntmootError {
  return new EntmootError("control_unavailable", "the daemon has ended");
}
