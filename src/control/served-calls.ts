import { sizeText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { decodeJson, encodeWire } from "../core/json/json-codec.ts";
import type { Log } from "../host/log.ts";
import { status } from "../node/operations/daemon.ts";
import { doctor, probe } from "../node/operations/diagnosis.ts";
import type { Call, Caller, OperationHost } from "../node/operations/implementation.ts";
import { answer_wait, inbox } from "../node/operations/inbox.ts";
import { listen } from "../node/operations/listen.ts";
import { mailbox_pull } from "../node/operations/mailbox.ts";
import { messages, watch } from "../node/operations/messages.ts";
import type { AnyOperation } from "../node/operations/operation.ts";
import { requested } from "../node/operations/requested.ts";
import type { OperationFrame, OperationRole } from "../wire/control/operation-frame.ts";
import { CALLS_MAX } from "./call-queue.ts";
import type { ControlConnection } from "./control-connection.ts";
import type { ReadFrame } from "./control-language.ts";
import type { Door } from "./door.ts";
import { encodeFailure } from "./failure-body.ts";
import { isAllowed } from "./scope.ts";
import { Slots } from "./slots.ts";

/** Ours. While less waits on each connection, all of them together have room. */
const UNSENT_NOTED_BYTES = 512 * 1024;
/** Ours. How long a client has to take an answer. */
const ANSWER_MS = 30_000;
/** Ours. An answer that may have more is gathered in its turn. */
const LARGE_BYTES = 1024 * 1024;
/** They may wait for something, and take turns themselves, each time that they look. */
const WAITING: ReadonlySet<string> = new Set([messages, mailbox_pull, inbox, answer_wait].map(({ name }) => name));
/** Asked by whoever looks after a daemon, and told whatever else goes on; or gone on with for long, with little at hand. */
const AT_ONCE: ReadonlySet<string> = new Set([status, probe, doctor].map(({ name }) => name));

export interface ServedCallsParts {
  readonly host: OperationHost;
  readonly caller: Caller;
  readonly connection: ControlConnection;
  readonly door: Door;
  /** Called once much waits to be taken here: nobody's unread answers may gather without end. */
  readonly makeRoom: (bytes: number) => void;
  /** Why this client may not begin to watch; `undefined` when it may. */
  readonly whyNotWatch: () => string | undefined;
  /** Aborts when the door closes. */
  readonly ending: AbortSignal;
  readonly clock: Clock;
  readonly log: Log;
  /** A call was answered with which the daemon ends: its client waits for the process to be gone. */
  readonly onLast: () => void;
}

type CallFrame = Omit<OperationFrame, "body">;

interface ServedCallParts extends ServedCallsParts {
  readonly large: Slots;
}

/** The calls under way on one connection. */
export class ServedCalls {
  readonly #parts: ServedCallsParts;
  readonly #running = new Map<number, ServedCall>();
  /** What is large is made for one of them at a time, once what was made before is nearly taken. */
  readonly #large = new Slots(1);
  /** Those of them whose answer is not on its way: a client may ask further as soon as it reads one. */
  #unanswered = 0;
  #watching = 0;

  constructor(parts: ServedCallsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#running.size;
  }

  /** Those that wait for what may never come. */
  get watching(): number {
    return this.#watching;
  }

  /** Takes a frame of the client's. */
  hear(frame: OperationFrame & Pick<ReadFrame, "skippedBytes">): void {
    const running = this.#running.get(frame.call);
    if (frame.role === "cancel") running?.cancel();
    else if (frame.role === "credit") running?.credit(frame.room);
    else if (frame.role === "call") this.#begin(frame, running);
    else
      this.#fail(frame, new EntmootError("invalid_argument", `operation frame: expected a call, found ${frame.role}`));
  }

  /** Resolves once no call is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Nobody waits for answers any more. */
  cancelAll(): void {
    for (const call of this.#running.values()) call.cancel();
  }

  #begin(frame: OperationFrame & Pick<ReadFrame, "skippedBytes">, running: ServedCall | undefined): void {
    try {
      const operation = this.#admitted(frame, running);
      const request = requested(() => decodeJson(operation.request, frame.body));
      const { calls, streams } = this.#parts.door;
      using reserved = new DisposableStack();
      reserved.use(calls.reserve());
      if (isWatch(operation, request)) {
        const why = this.#watching > 0 ? undefined : this.#parts.whyNotWatch();
        if (why !== undefined) throw new EntmootError("unavailable", why);
        this.#watching += 1;
        reserved.defer(() => {
          this.#watching -= 1;
        });
      }
      if (operation.event !== undefined) reserved.use(streams.reserve());
      const call = new ServedCall(operation, frame, { ...this.#parts, large: this.#large });
      const held = reserved.move();
      this.#running.set(frame.call, call);
      this.#unanswered += 1;
      const onAnswered = () => {
        this.#unanswered -= 1;
      };
      call.done = call.run(request, onAnswered).finally(() => {
        held.dispose();
        this.#running.delete(frame.call);
      });
    } catch (error) {
      this.#fail(frame, error);
    }
  }

  #admitted(frame: OperationFrame & Pick<ReadFrame, "skippedBytes">, running: ServedCall | undefined): AnyOperation {
    const { caller, host } = this.#parts;
    const operation = host.find(frame.operation);
    if (operation === undefined) {
      throw new EntmootError(
        "unknown_frame",
        `${frame.operation}: not known to this version; update and restart the daemon`,
      );
    }
    if (!isAllowed(operation, caller)) {
      throw new EntmootError("forbidden", `${frame.operation}: not for agents; ask over the owner's control socket`);
    }
    if (frame.skippedBytes !== undefined && frame.skippedBytes <= operation.requestMax) {
      throw new EntmootError(
        "unavailable",
        `${frame.operation}: too many large requests are being received at a time; try again`,
      );
    }
    if (frame.skippedBytes !== undefined) {
      throw new EntmootError(
        "frame_too_large",
        `${frame.operation}: expected a request of at most ${sizeText(operation.requestMax)}, found ${sizeText(frame.skippedBytes)}`,
      );
    }
    if (running !== undefined)
      throw new EntmootError("invalid_argument", `${frame.operation}: call ${frame.call} is under way`);
    // Answers that nobody reads take places too: a client that reads has few of them, one that does not keeps its share.
    if (this.#unanswered >= CALLS_MAX || this.#running.size >= 2 * CALLS_MAX) {
      throw new EntmootError(
        "unavailable",
        `at most ${CALLS_MAX} calls of one connection at a time; wait for one to end`,
      );
    }
    return operation;
  }

  /** A call that did not come to be. */
  #fail(frame: CallFrame, error: unknown): void {
    const { connection } = this.#parts;
    const body = encodeFailure(error);
    void connection.send({ ...frame, kind: "operation", role: "failure", room: 0, body }).catch(() => {});
  }
}

/** One call. Its signal is made only for those that ask: a publish is over before anybody leaves. */
class ServedCall implements Call<unknown> {
  readonly caller: Caller;
  /** Resolves when all is said. */
  done: Promise<void> = Promise.resolve();
  readonly #operation: AnyOperation;
  readonly #head: CallFrame;
  readonly #parts: ServedCallParts;
  #signal: AbortSignal | undefined;
  readonly #cancelled = new AbortController();
  #room: number;
  #wakeEmitter: (() => void) | undefined;
  /** The turn of this call among those of its connection, while it has it. */
  #turn: Disposable | undefined;
  /** Whether the turn outlasts an event. */
  #keepsTurn = false;
  #after: (() => void) | undefined;

  constructor(operation: AnyOperation, head: CallFrame, parts: ServedCallParts) {
    this.caller = parts.caller;
    this.#operation = operation;
    this.#head = head;
    this.#parts = parts;
    this.#room = head.room;
  }

  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const { connection, ending } = this.#parts;
      this.#signal = AbortSignal.any([this.#cancelled.signal, connection.gone, ending]);
      this.#signal.addEventListener("abort", () => this.#wakeEmitter?.(), { once: true });
    }
    return this.#signal;
  }

  /** Sends the event once the client has room for it. */
  readonly emit = async (event: unknown): Promise<void> => {
    const { event: codec, eventMax, name } = this.#operation;
    if (codec === undefined) throw new EntmootError("internal", `${name}: tells no events`);
    await this.#takeTurn();
    let sent: Promise<void>;
    try {
      if (this.signal.aborted) throw new EntmootError("unavailable", `${name}: nobody listens any more`);
      const body = encodeWire(codec, event);
      if (body.length > eventMax) throw tooLarge(name, "event", eventMax, body.length);
      this.#room -= body.length;
      sent = this.#send("event", body);
    } finally {
      if (!this.#keepsTurn) this.#endTurn();
    }
    await sent;
  };

  readonly turnToTell = async (): Promise<Disposable> => {
    await this.#takeTurn();
    this.#keepsTurn = true;
    return {
      [Symbol.dispose]: () => {
        this.#keepsTurn = false;
        this.#endTurn();
      },
    };
  };

  readonly turnToGather = async (): Promise<Disposable> => {
    const { clock, connection, door, large } = this.#parts;
    const turn = await large.take();
    using held = new DisposableStack();
    // By the next round of the event loop the answer is on its way, and the next call of this connection waits for that.
    held.defer(() => clock.after(0, () => turn[Symbol.dispose]()));
    await connection.unsentAtMost(0);
    held.use(await door.gathering.take());
    return held.move();
  };

  /** Waits for room at the client, for the turn among the calls of the connection, and for what was said before to be taken. */
  async #takeTurn(): Promise<void> {
    const { connection, large } = this.#parts;
    const { signal } = this;
    while (!signal.aborted) {
      if (this.#room <= 0) {
        this.#endTurn();
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wakeEmitter = resolve;
        await promise;
      } else if (this.#turn === undefined) this.#turn = await large.take();
      else if (connection.unsentBytes > UNSENT_NOTED_BYTES) await connection.unsentAtMost(UNSENT_NOTED_BYTES);
      else return;
    }
  }

  #endTurn(): void {
    this.#turn?.[Symbol.dispose]();
    this.#turn = undefined;
  }

  readonly afterAnswer = (work: () => void): void => {
    this.#after = work;
  };

  cancel(): void {
    this.#cancelled.abort();
  }

  credit(bytes: number): void {
    this.#room += bytes;
    this.#wakeEmitter?.();
  }

  /**
   * Never rejects: what fails is told to the client, and where that cannot be, nobody waits for it. `onAnswered`: called
   * once, as the answer or failure goes out.
   */
  async run(request: unknown, onAnswered: () => void): Promise<void> {
    const { clock, connection, host, log, onLast } = this.#parts;
    const operation = this.#operation;
    try {
      const body = await this.#answer(host, request).finally(onAnswered);
      // Whoever takes no answers keeps no connection.
      using _late = clock.after(ANSWER_MS, () => connection[Symbol.dispose]());
      if (operation.isLast) onLast();
      await this.#send("answer", body);
      this.#after?.();
    } catch (error) {
      if (!(error instanceof EntmootError)) log.error(`control socket: ${operation.name} failed`, error);
      using _late = clock.after(ANSWER_MS, () => connection[Symbol.dispose]());
      await this.#send("failure", encodeFailure(error)).catch(() => {});
    } finally {
      this.#endTurn();
    }
  }

  async #answer(host: OperationHost, request: unknown): Promise<Uint8Array> {
    const { answer: codec, answerMax, name } = this.#operation;
    using _turn = isLarge(this.#operation) ? await this.turnToGather() : undefined;
    if (_turn !== undefined && this.signal.aborted)
      throw new EntmootError("unavailable", `${name}: nobody waits any more`);
    const body = encodeWire(codec, await host.run(this.#operation, request as object, this));
    if (body.length > answerMax) throw tooLarge(name, "answer", answerMax, body.length);
    return body;
  }

  #send(role: OperationRole, body: Uint8Array): Promise<void> {
    const { connection, makeRoom } = this.#parts;
    if (connection.unsentBytes + body.length > UNSENT_NOTED_BYTES) makeRoom(body.length);
    return connection.send({ ...this.#head, kind: "operation", role, room: 0, body });
  }
}

/** Whether it waits for what may never come. */
function isWatch({ name }: AnyOperation, request: unknown): boolean {
  return name === watch.name || name === listen.name || ((request as { readonly wait_ms?: number }).wait_ms ?? 0) > 0;
}

/** Whether its answer is to be gathered in a turn of its connection and of its door. */
function isLarge({ answerMax, event, name, needsDaemon, onlyLooks, scope }: AnyOperation): boolean {
  if (answerMax <= LARGE_BYTES || event !== undefined || needsDaemon) return false;
  return (onlyLooks || scope === "agent") && !WAITING.has(name) && !AT_ONCE.has(name);
}

function tooLarge(name: string, what: string, max: number, found: number): EntmootError {
  return new EntmootError(
    "frame_too_large",
    `${name}: ${what} of ${sizeText(found)}, at most ${sizeText(max)} can be sent; ask for less`,
  );
}
