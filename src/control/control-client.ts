import { join } from "node:path";
import { durationText } from "../core/amounts.ts";
import type { Clock, SteadyMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { checkValue } from "../core/json/json-codec.ts";
import { DAEMON_OPERATIONS, status, version } from "../node/operations/daemon.ts";
import type {
  AnswerOf,
  AnyOperation,
  CallOptions,
  Loose,
  Operation,
  Operations,
} from "../node/operations/operation.ts";
import { requested } from "../node/operations/requested.ts";
import { Deadline, unlessAborted } from "../transport/wait.ts";
import type { InfoResp } from "../wire/control/control-info-frames.ts";
import { CallConnection, SilentDaemon } from "./call-connection.ts";
import { ControlError } from "./control-error.ts";
import { dial } from "./dial.ts";
import type { OriginalDaemon } from "./original-daemon.ts";
import { NothingSent } from "./socket-stream.ts";

/** Ours. How long to wait when finding out what kind of daemon this is. */
const WHO_ARE_YOU_MS = 5_000;

/** Ours. A daemon that has not answered after so long is told of: it may be busy, or stopped. */
const QUIET_MS = 2_000;
/** Ours. What may take longer than an ordinary call is for its caller to tell of. */
const ORDINARY_MS = 30_000;

export interface ClientOptions {
  /** Told once, of the first question that takes long to be answered. */
  readonly onQuiet?: () => void;
}

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
  /** The answers to what the daemon is, asked once for each connection. */
  readonly #kinds = new WeakMap<CallConnection, Promise<unknown>>();
  readonly #ours = new WeakSet<CallConnection>();
  /** It was an original: after each answer it closes the connection, and need not be asked again. */
  #isOriginal = false;
  #isClosed = false;
  #onQuiet: (() => void) | undefined;

  private constructor(path: string, { clock, connection, onQuiet }: ClientParts) {
    this.#path = path;
    this.#clock = clock;
    this.#connection = connection;
    this.#onQuiet = onQuiet;
  }

  /** The daemon of the data root; `undefined` when none listens. Throws `control_unavailable` when it cannot be asked. */
  static connect(dataDir: string, clock: Clock, options: ClientOptions = {}): Promise<ControlClient | undefined> {
    return ControlClient.connectTo(join(dataDir, "control.sock"), clock, options);
  }

  /** The daemon behind a socket of its own or for agents. As `connect`. */
  static async connectTo(path: string, clock: Clock, options: ClientOptions = {}): Promise<ControlClient | undefined> {
    const stream = await dial(path, clock);
    if (stream === undefined) return undefined;
    return new ControlClient(path, { ...options, clock, connection: new CallConnection(stream, clock) });
  }

  async call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event> = {},
  ): Promise<Answer> {
    options.signal?.throwIfAborted();
    requested(() => checkValue(operation.request, request));
    const asked = await this.#ask(operation, request, options);
    if (asked !== undefined) return asked.answer;
    const original = await this.#original();
    options.signal?.throwIfAborted();
    using _quiet = this.#quiet(operation);
    return await original.call(operation, request, options);
  }

  /** What the daemon says about itself: ours in one question, which tells an original as well. Throws as `call`. */
  async describe(): Promise<Described> {
    const asked = await this.#ask(status, {}, {});
    if (asked !== undefined) return { ours: asked.answer };
    using _quiet = this.#quiet();
    return { original: await (await this.#original()).info(WHO_ARE_YOU_MS) };
  }

  /** What a daemon of the original says about itself, in its own words; `undefined` when it is one of ours. Throws as `call`. */
  async originalInfo(timeoutMs = WHO_ARE_YOU_MS): Promise<InfoResp | undefined> {
    if (!(await this.isOriginal(timeoutMs))) return undefined;
    using _quiet = this.#quiet();
    return await (await this.#original()).info(timeoutMs);
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
    requested(() => checkValue(operation.request, request));
    using deadline = new Deadline(this.#clock, timeoutMs);
    const asked = await this.#ask(operation, request, { timeoutMs });
    if (asked === undefined) return this.call(operation, request, { timeoutMs });
    const { answer, connection } = asked;
    await connection.closed(deadline.signal);
    if (deadline.signal.aborted) {
      throw new EntmootError("timeout", `the daemon has not ended within ${durationText(timeoutMs)}; it may still`);
    }
    return answer;
  }

  /** Whether the daemon is an original, which knows none of our frames. Asked by one identifying question. */
  async isOriginal(timeoutMs = WHO_ARE_YOU_MS): Promise<boolean> {
    return (await this.#identified({ timeoutMs, signal: undefined })) === undefined;
  }

  /** Whether it says within `timeoutMs` what it is, or why it will not. Throws as a call when there is none any more. */
  async answers(timeoutMs: number): Promise<boolean> {
    try {
      await this.isOriginal(timeoutMs);
      return true;
    } catch (error) {
      if (error instanceof Unidentified) return false;
      if (error instanceof ControlError) return true;
      throw error;
    }
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

  /** The open connection, if it is known to be to one of ours. */
  get #known(): CallConnection | undefined {
    const isKnown = !this.#isClosed && !this.#connection.isOver && this.#ours.has(this.#connection);
    return isKnown ? this.#connection : undefined;
  }

  /** `undefined` when the daemon is an original. */
  async #ask<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event>,
  ): Promise<Asked<Answer> | undefined> {
    const patience = { timeoutMs: options.timeoutMs ?? operation.patienceMs, signal: options.signal };
    const startedAt = this.#clock.steady();
    for (let attempt = 1; ; attempt++) {
      const connection =
        this.#known ?? (await (isQuestion(operation) ? this.#unlessOriginal() : this.#identified(patience)));
      if (connection === undefined) return undefined;
      using _quiet = this.#quiet(operation);
      try {
        const answer = await connection.call(operation, request, this.#withinRest(options, startedAt));
        this.#ours.add(connection);
        return { connection, answer };
      } catch (error) {
        if (error instanceof SilentDaemon) {
          await this.#concludeOriginal();
          return undefined;
        }
        // A kept connection that the daemon had closed, which only writing shows.
        if (!(error instanceof NothingSent)) throw error;
        if (attempt > 1) throw gone();
      }
    }
  }

  /** From now on, until it is disposed of, an answer is waited for. */
  #quiet(operation?: Pick<AnyOperation, "event" | "patienceMs">): Disposable | undefined {
    const isOrdinary = operation === undefined || (operation.event === undefined && isSoonDone(operation));
    if (this.#onQuiet === undefined || !isOrdinary) return undefined;
    return this.#clock.after(QUIET_MS, () => {
      this.#onQuiet?.();
      this.#onQuiet = undefined;
    });
  }

  /** The time that its caller gave bounds all of a call, also finding out who the daemon is. */
  #withinRest<Event>(options: CallOptions<Event>, startedAt: SteadyMs): CallOptions<Event> {
    if (options.timeoutMs === undefined) return options;
    return { ...options, timeoutMs: Math.max(1, options.timeoutMs - (this.#clock.steady() - startedAt)) };
  }

  /**
   * A connection to a daemon that knows our frames; `undefined` when it is an original, to which nothing is sent but
   * the question. Throws `control_unavailable` after the caller's patience, and the reason of its signal.
   */
  async #identified({ signal, timeoutMs }: Patience): Promise<CallConnection | undefined> {
    for (let attempt = 1; ; attempt++) {
      const connection = await this.#unlessOriginal();
      if (connection === undefined) return undefined;
      const kind = this.#kinds.get(connection) ?? this.#identify(connection);
      this.#kinds.set(connection, kind);
      using _quiet = this.#quiet();
      try {
        await this.#within(kind, { signal, timeoutMs });
        this.#ours.add(connection);
        return connection;
      } catch (error) {
        if (error instanceof SilentDaemon) await this.#concludeOriginal();
        else if (!(error instanceof NothingSent)) throw error;
        else if (attempt > 1) throw gone();
      }
    }
  }

  /** Without a time of its own: calls of different patience wait for one answer. */
  #identify(connection: CallConnection): Promise<unknown> {
    const asked = connection.call({ ...version, patienceMs: undefined }, {}, {});
    // Those who gave up waiting are not told how it went on.
    asked.catch(() => this.#kinds.delete(connection));
    return asked;
  }

  async #within(kind: Promise<unknown>, { signal, timeoutMs }: Patience): Promise<void> {
    if (timeoutMs === undefined) await unlessAborted(kind, signal);
    else {
      using deadline = new Deadline(this.#clock, timeoutMs, signal);
      await unlessAborted(kind, deadline.signal);
      if (deadline.signal.aborted && !signal?.aborted) {
        throw new Unidentified(timeoutMs);
      }
    }
    signal?.throwIfAborted();
  }

  /** It closed the connection without a word. Throws `control_unavailable` when it ended instead. */
  async #concludeOriginal(): Promise<void> {
    if (!(await this.#isAlive())) throw gone();
    this.#isOriginal = true;
  }

  async #unlessOriginal(): Promise<CallConnection | undefined> {
    return this.#isOriginal ? undefined : await this.#connected();
  }

  /** Loaded only where there is one. */
  async #original(): Promise<OriginalDaemon> {
    const { OriginalDaemon } = await import("./original-daemon.ts");
    return new OriginalDaemon(this.#path, this.#clock);
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

interface ClientParts extends ClientOptions {
  readonly clock: Clock;
  readonly connection: CallConnection;
}

function isSoonDone({ patienceMs }: Pick<AnyOperation, "patienceMs">): boolean {
  return patienceMs !== undefined && patienceMs <= ORDINARY_MS;
}

/** The daemon has not said what it is, and so was asked nothing else: nothing was done. */
class Unidentified extends EntmootError {
  constructor(timeoutMs: number) {
    super(
      "control_unavailable",
      `the daemon does not answer: it has not said within ${durationText(timeoutMs)} what it is, and was asked nothing else; see "entmootd env"`,
    );
  }
}

/** How long somebody waits to learn who the daemon is. */
interface Patience {
  readonly signal: AbortSignal | undefined;
  /** For ever when absent. */
  readonly timeoutMs: number | undefined;
}

/** What the daemon is, or how it ends: asked of daemons of any version in these very frames, and so a question of its own. */
function isQuestion({ name }: Pick<AnyOperation, "name">): boolean {
  return Object.hasOwn(DAEMON_OPERATIONS, name);
}

/** What a daemon says about itself, in the words of its kind. */
type Described = { readonly ours: AnswerOf<typeof status> } | { readonly original: InfoResp };

/** An answer and the connection it came over. */
interface Asked<Answer> {
  readonly answer: Answer;
  readonly connection: CallConnection;
}

function gone(): EntmootError {
  return new EntmootError("control_unavailable", "the daemon has ended");
}
