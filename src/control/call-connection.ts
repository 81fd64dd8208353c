import { durationText, sizeText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { decodeJson, encodeWire } from "../core/json/json-codec.ts";
import type { AnyOperation, CallOptions, Loose, Operation } from "../node/operations/operation.ts";
import { aborted, unlessAborted } from "../transport/wait.ts";
import type { OperationFrame, OperationRole } from "../wire/control/operation-frame.ts";
import { CallQueue } from "./call-queue.ts";
import { ControlConnection } from "./control-connection.ts";
import { ControlError } from "./control-error.ts";
import type { ReadFrame } from "./control-language.ts";
import { decodeFailure, FAILURE_MAX } from "./failure-body.ts";
import { NothingSent, type SocketStream } from "./socket-stream.ts";

/** Ours. Bytes of events that one call lets the daemon send ahead of its reader. */
const ROOM_BYTES = 256 * 1024;
/** Ours. How long a call that was given up may still take to say how it ended. */
const CANCELLED_MS = 1_000;

/** The daemon closed the connection before it said a word: it may be one that knows none of our frames. */
export class SilentDaemon extends EntmootError {
  constructor() {
    super("unavailable", "the daemon closed the connection before it answered; it may have acted all the same");
  }
}

/** The daemon closed a connection that it had answered on. */
class DaemonEnded extends EntmootError {
  constructor(operation?: Pick<AnyOperation, "onlyLooks">) {
    super("control_unavailable", `the daemon has ended${unlessItOnlyLooks(operation)}`);
  }
}

/** What else is to be said of a call without an answer. */
function unlessItOnlyLooks(operation: Pick<AnyOperation, "onlyLooks"> | undefined): string {
  return operation?.onlyLooks ? "" : "; it may have acted all the same";
}

/**
 * A connection to a daemon that many calls share: each has its number. Past what the daemon carries out at a time they
 * wait for a place, and are not sent before.
 */
export class CallConnection implements Disposable {
  readonly #connection: ControlConnection;
  readonly #clock: Clock;
  readonly #calls = new Map<number, AnyCall>();
  readonly #queue = new CallQueue();
  #last = 0;
  #isReading = false;
  #hasHeard = false;
  #isClosed = false;

  constructor(stream: SocketStream, clock: Clock) {
    this.#clock = clock;
    this.#connection = new ControlConnection(stream, (head) => this.#bodyLimit(head));
  }

  /** The other side has ended its half, or the connection is closed: nothing can be asked over it. */
  get isOver(): boolean {
    return this.#connection.isOver;
  }

  /**
   * The answer to one call. Throws the daemon's refusal, `timeout` after the operation's patience or the one given,
   * `SilentDaemon`, `NothingSent`, `control_unavailable` when the connection broke, `frame_too_large`, `malformed_frame`, and
   * the reason of a signal that aborted before anything was sent.
   */
  async call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options: CallOptions<Event>,
  ): Promise<Answer> {
    options.signal?.throwIfAborted();
    const body = encodeWire(operation.request, request as Request);
    if (body.length > operation.requestMax) {
      throw new EntmootError(
        "frame_too_large",
        `${operation.name}: expected a request of at most ${sizeText(operation.requestMax)}, got ${sizeText(body.length)}`,
      );
    }
    this.#last = (this.#last + 1) >>> 0;
    const number = this.#last;
    const send = (role: OperationRole, room: number, bytes: Uint8Array) =>
      this.#connection.send({ kind: "operation", role, call: number, room, operation: operation.name, body: bytes });
    const call = new CallUnderWay(operation, options, {
      clock: this.#clock,
      send,
      enter: (begin) => this.#queue.enter(number, operation, body.length, begin),
      leave: () => this.#queue.leave(number),
      unsent: () => this.#queue.ended(number),
    });
    this.#calls.set(number, call as unknown as AnyCall);
    try {
      if (!this.#isReading) void this.#read();
      return await call.run(body);
    } finally {
      this.#calls.delete(number);
    }
  }

  /** Resolves when the other side has closed: its process is gone. */
  async closed(signal: AbortSignal): Promise<void> {
    await unlessAborted(aborted(this.#connection.gone), signal);
  }

  /** Calls under way fail. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#connection[Symbol.dispose]();
  }

  /** Reads as long as there is anybody to read for. */
  async #read(): Promise<void> {
    this.#isReading = true;
    let failure: unknown;
    try {
      for (;;) {
        const frame = await this.#connection.receive();
        if (frame === null) {
          failure = this.#ended();
          break;
        }
        this.#hasHeard = true;
        this.#hear(frame);
      }
    } catch (error) {
      const isBroken = error instanceof EntmootError && error.code === "unavailable";
      failure = isBroken && !this.#isClosed ? new DaemonEnded() : error;
    }
    this.#isReading = false;
    for (const call of this.#calls.values()) call.onEnd(failure);
    this.#queue.endAll();
    this.#connection[Symbol.dispose]();
  }

  #ended(): EntmootError {
    if (this.#isClosed)
      return new EntmootError("unavailable", "closed before the daemon answered; it may act all the same");
    if (!this.#hasHeard) return new SilentDaemon();
    return new DaemonEnded();
  }

  #hear(frame: ReadFrame): void {
    if (frame.kind === "operation") {
      // One that is not known here was given up.
      this.#calls.get(frame.call)?.hear(frame);
      if (frame.role === "answer" || frame.role === "failure") this.#queue.ended(frame.call);
      return;
    }
    const error = errorOf(frame);
    for (const call of this.#calls.values()) call.fail(error);
    this.#queue.endAll();
  }

  #bodyLimit({ call, role }: Omit<OperationFrame, "body">): number {
    if (role === "failure") return FAILURE_MAX;
    const operation = this.#calls.get(call)?.operation;
    return role === "event" ? (operation?.eventMax ?? 0) : role === "answer" ? (operation?.answerMax ?? 0) : -1;
  }
}

/** What a frame says that is about no call. */
function errorOf(frame: ReadFrame): EntmootError {
  switch (frame.kind) {
    case "error":
      return new ControlError(frame.code, frame.message);
    case "refused":
      return new EntmootError(
        "unsupported",
        `the daemon does not take part in this: ${frame.message}; update and restart it`,
      );
    case "unknown_extension":
      return new EntmootError(
        "unsupported",
        `the daemon answered with a frame of a later version (type ${frame.type}); update this program`,
      );
    case "unreadable":
      return new EntmootError(
        "unsupported",
        `the daemon answered in a form of a later version (${frame.reason.message}); update this program`,
      );
    default:
      return new EntmootError("malformed_frame", `control socket: expected an answer, found ${frame.kind}`);
  }
}

interface CallParts {
  readonly clock: Clock;
  readonly send: (role: OperationRole, room: number, body: Uint8Array) => Promise<void>;
  /** Calls back once the call may be sent, perhaps at once. Throws `unavailable` when too many wait. */
  readonly enter: (begin: () => void) => void;
  /** It need not be sent any more. */
  readonly leave: () => void;
  /** It could not be sent, so the daemon will say nothing of it. */
  readonly unsent: () => void;
}

const NOTHING = new Uint8Array(0);

/** What a call under way needs of its operation. */
type PartOfOperation = "name" | "answer" | "event" | "answerMax" | "eventMax" | "patienceMs" | "onlyLooks";

type AnyCall = CallUnderWay<unknown, unknown>;

/** One call as its caller's side keeps it. */
class CallUnderWay<Answer, Event> {
  readonly operation: Pick<Operation<unknown, Answer, Event>, PartOfOperation>;
  readonly #options: CallOptions<Event>;
  readonly #parts: CallParts;
  readonly #ended = Promise.withResolvers<Answer>();
  /** The reader is done with the events told so far. */
  #events: Promise<void> = Promise.resolve();
  #unreadBytes = 0;
  #readBytes = 0;
  #unsent: NothingSent | undefined;
  /** Nothing more is told to its caller. */
  #hasFailed = false;
  /** It had a place, and the daemon may have been given it. */
  #hasBegun = false;

  constructor(
    operation: Pick<Operation<unknown, Answer, Event>, PartOfOperation>,
    options: CallOptions<Event>,
    parts: CallParts,
  ) {
    this.operation = operation;
    this.#options = options;
    this.#parts = parts;
  }

  async run(request: Uint8Array): Promise<Answer> {
    const { clock, enter, leave } = this.#parts;
    const { signal } = this.#options;
    const timeoutMs = this.#options.timeoutMs ?? this.operation.patienceMs;
    const late = timeoutMs === undefined ? undefined : clock.after(timeoutMs, () => this.#onLate(timeoutMs));
    const onAbort = () => this.#cancel();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      enter(() => this.#begin(request));
      return await this.#ended.promise;
    } finally {
      leave();
      late?.[Symbol.dispose]();
      signal?.removeEventListener("abort", onAbort);
    }
  }

  hear({ body, role, skippedBytes }: OperationFrame & Pick<ReadFrame, "skippedBytes">): void {
    try {
      if (skippedBytes !== undefined) {
        throw new EntmootError(
          "frame_too_large",
          `${this.operation.name}: the daemon's ${role} of ${sizeText(skippedBytes)} is larger than this version takes`,
        );
      }
      if (role === "failure") this.#end(Promise.reject(decodeFailure(body)));
      else if (role === "answer") this.#end(Promise.resolve(decodeJson(this.operation.answer, body)));
      else if (role === "event" && this.operation.event !== undefined)
        this.#tell(decodeJson(this.operation.event, body), body.length);
      else throw new EntmootError("malformed_frame", `${this.operation.name}: expected an answer, found ${role}`);
    } catch (error) {
      this.fail(error);
      // The daemon knows nothing of it and would go on.
      if (role === "event") this.#giveUp();
    }
  }

  fail(error: unknown): void {
    this.#hasFailed = true;
    this.#parts.leave();
    this.#ended.reject(error);
  }

  /** The connection has ended. A daemon that was given nothing of the request cannot have acted. */
  onEnd(failure: unknown): void {
    // What kind of daemon it is, is for every call to know.
    const told = failure instanceof DaemonEnded ? new DaemonEnded(this.operation) : failure;
    if (this.#hasBegun || failure instanceof SilentDaemon) this.fail(this.#unsent ?? told);
    else this.fail(this.#unbegun("control_unavailable", "the connection to the daemon ended"));
  }

  #begin(request: Uint8Array): void {
    this.#hasBegun = true;
    const room = this.operation.event === undefined ? 0 : ROOM_BYTES;
    this.#parts.send("call", room, request).catch((error: unknown) => this.#onSendFailed(error));
  }

  #unbegun(code: "timeout" | "control_unavailable", what: string): EntmootError {
    return new EntmootError(
      code,
      `${this.operation.name}: ${what} while it waited for earlier calls of this connection; it was not sent`,
    );
  }

  #tell(event: Event, bytes: number): void {
    // Nothing but the daemon's good will keeps it to the room it was given.
    this.#unreadBytes += bytes;
    if (this.#unreadBytes > ROOM_BYTES + this.operation.eventMax) {
      throw new EntmootError(
        "malformed_frame",
        `${this.operation.name}: the daemon sends more than it was given room for`,
      );
    }
    this.#events = this.#events.then(async () => {
      if (this.#hasFailed) return;
      try {
        await this.#options.onEvent?.(event);
      } catch (error) {
        this.fail(error);
        this.#giveUp();
        return;
      }
      this.#unreadBytes -= bytes;
      this.#readBytes += bytes;
      if (this.#readBytes < ROOM_BYTES / 2) return;
      const room = this.#readBytes;
      this.#readBytes = 0;
      // A connection that broke tells the call by itself.
      await this.#parts.send("credit", room, NOTHING).catch(() => {});
    });
  }

  /** The answer counts once the events before it were read. */
  #end(outcome: Promise<Answer>): void {
    outcome.catch(() => {});
    void this.#events.then(() => outcome.then(this.#ended.resolve, this.#ended.reject));
  }

  /** The caller ends the call, and learns how far it came if the daemon says so soon. */
  #cancel(): void {
    if (!this.#hasBegun) {
      this.fail(this.#options.signal?.reason);
      return;
    }
    this.#giveUp();
    this.#parts.clock.after(
      CANCELLED_MS,
      () => this.fail(new EntmootError("unavailable", `${this.operation.name}: given up by its caller`)),
      {
        idle: true,
      },
    );
  }

  #onLate(timeoutMs: number): void {
    if (!this.#hasBegun) {
      this.fail(this.#unbegun("timeout", `${durationText(timeoutMs)} passed`));
      return;
    }
    this.fail(
      new EntmootError(
        "timeout",
        `no answer from the daemon within ${durationText(timeoutMs)}${unlessItOnlyLooks(this.operation)}`,
      ),
    );
    this.#giveUp();
  }

  #onSendFailed(error: unknown): void {
    // Of a connection that broke the reader knows more: what the daemon has said before, or whether it ever has.
    if (error instanceof NothingSent) this.#unsent = error;
    else if (!(error instanceof EntmootError) || error.code !== "unavailable") {
      this.fail(error);
      this.#parts.unsent();
    }
  }

  #giveUp(): void {
    // A connection that broke has no call to end.
    void this.#parts.send("cancel", 0, NOTHING).catch(() => {});
  }
}
