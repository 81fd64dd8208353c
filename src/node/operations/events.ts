import type { CallOptions, Loose, Operation, Operations } from "./operation.ts";

/**
 * The events of one call one after another, the next asked for when the last is done with. Ends when the call does, and
 * throws what it throws; leaving the loop ends the call, and so does the signal, also before the first event.
 */
export async function* eventsOf<Request, Answer, Event>(
  node: Operations,
  operation: Operation<Request, Answer, Event>,
  request: Loose<Request>,
  options: Omit<CallOptions<Event>, "onEvent"> = {},
): AsyncGenerator<Event> {
  const left = new AbortController();
  const signal = options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal]);
  let told = Promise.withResolvers<void>();
  let waiting: { readonly event: Event; readonly done: () => void } | undefined;
  let ended = false;
  const call = node
    .call(operation, request, {
      ...options,
      signal,
      onEvent(event) {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting = { event, done: resolve };
        told.resolve();
        return promise;
      },
    })
    .finally(() => {
      ended = true;
      told.resolve();
    });
  // It is looked at once the events are read.
  call.catch(() => {});
  try {
    for (;;) {
      if (waiting === undefined && !ended) {
        await told.promise;
        told = Promise.withResolvers();
        continue;
      }
      const next = waiting;
      waiting = undefined;
      if (next === undefined) break;
      yield next.event;
      next.done();
    }
    await call.catch((error: unknown) => {
      if (!signal.aborted || error !== signal.reason) throw error;
    });
  } finally {
    left.abort();
    (waiting as { done: () => void } | undefined)?.done();
  }
}
