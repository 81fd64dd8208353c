import { eventsOf } from "../../node/operations/events.ts";
import { type WatchEvent, watch } from "../../node/operations/messages.ts";
import type { Operations, RequestOf } from "../../node/operations/operation.ts";

/** What happens from this call on, whenever it is read: nothing between it and the first read is missed. */
export function watchFromNow(
  node: Operations,
  request: RequestOf<typeof watch>,
  signal: AbortSignal,
): AsyncIterable<WatchEvent> {
  const events = eventsOf(node, watch, request, { signal });
  let first: Promise<IteratorResult<WatchEvent>> | undefined = events.next();
  return {
    [Symbol.asyncIterator]: () => ({
      next() {
        const next = first ?? events.next();
        first = undefined;
        return next;
      },
    }),
  };
}
