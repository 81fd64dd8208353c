import { EntmootError } from "../../core/errors.ts";

/** What goes through all of a moot here, by whose it is. */
const underWay = new WeakMap<object, Promise<unknown>>();
const waiting = new WeakMap<object, number>();

/** Ours. Who waits for their turn; a further one is told to come later. */
const WAITING_MAX = 16;

/**
 * Runs what goes through all of a moot, which holds some 200 bytes for each message, one after the other for all callers of
 * a node. Throws `unavailable` where too many wait, and the signal's reason.
 */
export async function oneAtATime<T>(owner: object, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const before = waiting.get(owner) ?? 0;
  if (before >= WAITING_MAX) {
    throw new EntmootError(
      "unavailable",
      `${before} exports, imports and the like wait for their turn; ask again later`,
    );
  }
  waiting.set(owner, before + 1);
  const last = underWay.get(owner) ?? Promise.resolve();
  const mine = last.then(() => {
    waiting.set(owner, (waiting.get(owner) ?? 1) - 1);
    signal.throwIfAborted();
    return work();
  });
  underWay.set(
    owner,
    mine.then(
      () => undefined,
      () => undefined,
    ),
  );
  return await mine;
}
