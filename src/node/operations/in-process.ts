import { checkValue } from "../../core/json/json-codec.ts";
import { type Call, type Caller, NEVER, type OperationHost } from "./implementation.ts";
import type { CallOptions, Loose, Operation } from "./operation.ts";
import { requested } from "./requested.ts";

/**
 * Asks a host in this process, as its owner. A request that its schema refuses is refused as over a socket, with
 * `invalid_argument`. Throws the reason of a signal that has aborted before, and runs nothing.
 */
export async function callInProcess<Request, Answer, Event>(
  host: OperationHost,
  operation: Operation<Request, Answer, Event>,
  request: Loose<Request>,
  options: CallOptions<Event>,
): Promise<Answer> {
  options.signal?.throwIfAborted();
  requested(() => checkValue(operation.request, request));
  const call = new CallInProcess(options);
  try {
    return await host.run(operation, request, call);
  } finally {
    call.end();
  }
}

class CallInProcess<Event> implements Call<Event> {
  readonly caller: Caller = "owner";
  readonly #options: CallOptions<Event>;
  #after: (() => void) | undefined;

  constructor(options: CallOptions<Event>) {
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#options.signal ?? NEVER;
  }

  async emit(event: Event): Promise<void> {
    await this.#options.onEvent?.(event);
  }

  afterAnswer(work: () => void): void {
    this.#after = work;
  }

  end(): void {
    if (this.#after !== undefined) queueMicrotask(this.#after);
  }
}
