import type { Codec } from "../../core/json/json-codec.ts";

/**
 * Who may ask. `owner`: whoever holds the control socket or the data root. `agent`: also who was given the agent
 * socket, which reads, publishes, waits and acknowledges, and nothing else.
 */
export type Scope = "owner" | "agent";

/** One thing that can be asked of a node, as a value. Every door is derived from it; see docs/operations.md. */
export interface Operation<Request, Answer, Event = never> {
  /** As it stands on the wire: lower case, digits and `_`, at most 32 bytes. Never given to another operation. */
  readonly name: string;
  /** One sentence for documents. */
  readonly summary: string;
  readonly scope: Scope;
  readonly request: Codec<Request>;
  readonly answer: Codec<Answer>;
  /** What comes before the answer, any number of times; `undefined` for an operation that only answers. */
  readonly event: Codec<Event> | undefined;
  /** Greatest JSON of each in bytes; more is refused before it is read. */
  readonly requestMax: number;
  readonly answerMax: number;
  readonly eventMax: number;
  /** How long a caller waits who does not say; `undefined`: without end, because the answer is the end of a stream. */
  readonly patienceMs: number | undefined;
  /** The node ends with it: the connection that asked stays open until the process is gone. */
  readonly isLast: boolean;
  /** It is about a daemon, or about what only a daemon sees arrive: without one there is nobody to ask. */
  readonly needsDaemon: boolean;
  /** Nothing is other for its having been asked: who got no answer need not wonder what was done. */
  readonly onlyLooks: boolean;
}

/** One of any shape, as doors pass them on: what goes in and out of it is its own codecs' business. */
export type AnyOperation = Operation<unknown, unknown, unknown>;

/** Ours. What most operations need; a definition says where it needs more. */
const SMALL = 64 * 1024;
const PATIENCE_MS = 30_000;

/** Ours. The greatest body a frame of the control socket holds. */
export const BODY_MAX = 16 * 1024 * 1024 - 1024;

interface Definition<Request, Answer, Event> {
  readonly name: string;
  readonly summary: string;
  readonly scope: Scope;
  readonly request: Codec<Request>;
  readonly answer: Codec<Answer>;
  readonly event?: Codec<Event>;
  readonly requestMax?: number;
  readonly answerMax?: number;
  readonly eventMax?: number;
  /** `"endless"`: the caller ends it. */
  readonly patienceMs?: number | "endless";
  readonly isLast?: boolean;
  /** What ends the daemon needs one unsaid. */
  readonly needsDaemon?: boolean;
  readonly onlyLooks?: boolean;
}

/** An operation with the usual caps and patience where its definition does not say otherwise. */
export function operation<Request, Answer, Event = never>(
  definition: Definition<Request, Answer, Event>,
): Operation<Request, Answer, Event> {
  const { patienceMs } = definition;
  return {
    ...definition,
    event: definition.event,
    requestMax: definition.requestMax ?? SMALL,
    answerMax: definition.answerMax ?? SMALL,
    eventMax: definition.eventMax ?? SMALL,
    patienceMs: patienceMs === "endless" ? undefined : (patienceMs ?? PATIENCE_MS),
    isLast: definition.isLast ?? false,
    needsDaemon: definition.needsDaemon ?? definition.isLast ?? false,
    onlyLooks: definition.onlyLooks ?? false,
  };
}

/** Operations by name. */
export interface OperationTable {
  // biome-ignore lint/suspicious/noExplicitAny: a table holds operations of every shape; each key keeps its own.
  readonly [name: string]: Operation<any, any, any>;
}

/** `T` with the keys that may be `undefined` made optional. */
export type Loose<T> = { readonly [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  readonly [K in keyof T as undefined extends T[K] ? K : never]?: T[K];
};

/** What is asked with, answered, and told meanwhile. */
export type RequestOf<O> = O extends Operation<infer Request, infer _A, infer _E> ? Loose<Request> : never;
export type AnswerOf<O> = O extends Operation<infer _R, infer Answer, infer _E> ? Answer : never;
export type EventOf<O> = O extends Operation<infer _R, infer _A, infer Event> ? Event : never;

export interface CallOptions<Event> {
  /**
   * Ends the call: what it waits for is given up. What was done by then stays done. One that has aborted before anything
   * was done is what the call rejects with, and nothing is.
   */
  readonly signal?: AbortSignal | undefined;
  /** Instead of the operation's own. Counts only where the caller and the node are two processes. */
  readonly timeoutMs?: number | undefined;
  /** Called with each event, in order. The next one waits until what it returns is done. */
  readonly onEvent?: ((event: Event) => void | Promise<void>) | undefined;
}

/**
 * A node as its users see it: in this process, or behind a socket. Commands and doors are written once for both.
 * A call throws `EntmootError`; each operation's file says with which codes.
 */
export interface Operations extends AsyncDisposable {
  call<Request, Answer, Event>(
    operation: Operation<Request, Answer, Event>,
    request: Loose<Request>,
    options?: CallOptions<Event>,
  ): Promise<Answer>;
}

/** One method for each operation of a table, for programs that like to write `node.publish({ … })`. */
export type Methods<Table extends OperationTable> = {
  readonly [K in keyof Table]: (
    request: RequestOf<Table[K]>,
    options?: CallOptions<EventOf<Table[K]>>,
  ) => Promise<AnswerOf<Table[K]>>;
};

/** The operations of `table`, each asked of `node`. */
export function methodsOf<const Table extends OperationTable>(node: Operations, table: Table): Methods<Table> {
  const methods = Object.entries(table).map(([key, operation]) => [
    key,
    (request: never, options?: CallOptions<never>) =>
      node.call(operation as Operation<unknown, unknown>, request, options),
  ]);
  return Object.fromEntries(methods) as Methods<Table>;
}
