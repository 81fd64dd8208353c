import { type Clock, later } from "../core/clock.ts";
import { pause } from "../transport/wait.ts";

/** Ours. How long a write is put off while another process writes the same database. */
export const WRITE_PATIENCE_MS = 10_000;
/** Ours. Between two looks; each costs some microseconds. */
export const WRITE_RETRY_MS = 25;

/** What can be held by another process: a group's database, or the node's. */
export interface Writable {
  isWritable(): boolean;
}

/**
 * Resolves when no other process writes any of `stores`, or when that has lasted too long, when the write itself tells
 * why it fails. Nothing is blocked meanwhile: what is asked of other groups goes on.
 */
export async function whenWritable(
  clock: Clock,
  stores: readonly (Writable | undefined)[],
  signal?: AbortSignal,
): Promise<void> {
  const giveUpAt = later(clock.steady(), WRITE_PATIENCE_MS);
  const isFree = () => stores.every((store) => store === undefined || store.isWritable());
  while (!isFree() && signal?.aborted !== true && clock.steady() < giveUpAt) await pause(clock, WRITE_RETRY_MS, signal);
}
