import { EntmootError } from "../../core/errors.ts";
import type { AnswerOf, AnyOperation, EventOf, Loose, Operation, OperationTable, RequestOf } from "./operation.ts";

/** Who asks. */
export type Caller = "owner" | "agent";

/** One call as whoever carries it out sees it. */
export interface Call<Event> {
  readonly caller: Caller;
  /** Aborts when nobody waits for the answer any more, or the node ends. */
  readonly signal: AbortSignal;
  /** Tells one event; resolves when there is room for the next. Rejects when nobody listens any more. */
  emit(event: Event): Promise<void>;
  /**
   * Before what is large is read for an event: resolves when the caller can take it. One call of a caller at a time has its
   * turn, until what it gives is disposed of. Absent where the caller is in this process.
   */
  readonly turnToTell?: (() => Promise<Disposable>) | undefined;
  /** Before a large answer, or much that is needed for one, is gathered: as `turnToTell`, and few of all callers at a time. */
  readonly turnToGather?: (() => Promise<Disposable>) | undefined;
  /** Runs `work` once the answer is on its way: for what ends the process that has to give it. */
  afterAnswer(work: () => void): void;
}

/** What carries out one operation on a node's `Context`. */
export type Implementation<Context, O> = (
  context: Context,
  request: RequestOf<O>,
  call: Call<EventOf<O>>,
) => AnswerOf<O> | Promise<AnswerOf<O>>;

/** One for each operation of a table: a missing or misfitting one does not compile. */
export type Implementations<Context, Table extends OperationTable> = {
  readonly [K in keyof Table]: Implementation<Context, Table[K]>;
};

/** Whatever answers calls: a node, or a data root that is only looked at. Doors are given one. */
export interface OperationHost {
  /** The operation of that name; `undefined` when it cannot be asked for here. */
  find(name: string): AnyOperation | undefined;
  /** Carries out one call. Throws `unknown_frame` for an operation that is not among these, and as each operation says. */
  run<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    call: Call<Event>,
  ): Promise<Answer>;
}

/** Operations with what carries them out on a `Context`, found by name. */
export class Implemented<Context> {
  readonly #byName = new Map<
    string,
    { readonly operation: OperationTable[string]; readonly run: Implementation<Context, unknown> }
  >();

  /** `table` and `run` have the same keys. Operations added later under a name that is there are a mistake: throws. */
  add<const Table extends OperationTable>(table: Table, run: Implementations<Context, Table>): this {
    for (const [key, operation] of Object.entries(table)) {
      if (this.#byName.has(operation.name)) throw new Error(`operation ${operation.name}: there are two of that name`);
      this.#byName.set(operation.name, { operation, run: run[key] as Implementation<Context, unknown> });
    }
    return this;
  }

  operations(): OperationTable[string][] {
    return [...this.#byName.values()].map(({ operation }) => operation);
  }

  /** The operation of that name; `undefined` when there is none. */
  find(name: string): OperationTable[string] | undefined {
    return this.#byName.get(name)?.operation;
  }

  /** Carries out one call. Throws `unknown_frame` for an operation that is not among these. */
  async run<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    context: Context,
    request: unknown,
    call: Call<Event>,
  ): Promise<Answer> {
    const found = this.#byName.get(operation.name);
    if (found === undefined) throw new EntmootError("unknown_frame", `${operation.name}: cannot be asked for here`);
    const run = found.run as (context: Context, request: unknown, call: Call<Event>) => Answer | Promise<Answer>;
    return run(context, request, call);
  }
}

/** The signal of a call that nobody gives up. */
export const NEVER = new AbortController().signal;

/** A call that also ends with the node. Its signal is made for those that ask: most calls are over before it matters. */
export class EndingCall<Event> implements Call<Event> {
  readonly #call: Call<Event>;
  readonly #ending: AbortSignal;
  #signal: AbortSignal | undefined;

  constructor(call: Call<Event>, ending: AbortSignal) {
    this.#call = call;
    this.#ending = ending;
  }

  get caller(): Caller {
    return this.#call.caller;
  }

  get signal(): AbortSignal {
    const { signal } = this.#call;
    // A lasting signal gathers what is joined to it, so it is joined only where somebody may give up.
    this.#signal ??= signal === NEVER ? this.#ending : AbortSignal.any([signal, this.#ending]);
    return this.#signal;
  }

  emit(event: Event): Promise<void> {
    return this.#call.emit(event);
  }

  get turnToTell() {
    return this.#call.turnToTell;
  }

  get turnToGather() {
    return this.#call.turnToGather;
  }

  afterAnswer(work: () => void): void {
    this.#call.afterAnswer(work);
  }
}
