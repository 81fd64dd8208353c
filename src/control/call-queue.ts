import { sizeText } from "../core/amounts.ts";
import { EntmootError } from "../core/errors.ts";
import type { AnyOperation } from "../node/operations/operation.ts";

/** Ours. Calls of one connection that a daemon carries out at a time; it refuses a further one. */
export const CALLS_MAX = 64;
/** Ours. Of these, calls that may wait for something: the places left are for those that soon are over. */
const WAITING_CALLS_MAX = 56;
/** Ours. And calls that only their caller ends: the places left are for those that at last are over. */
const ENDLESS_CALLS_MAX = 48;
/** Ours. What is answered within this is soon over. */
const SOON_MS = 30_000;
/** Ours. Calls that wait for a place, and the bytes of their requests. */
const QUEUED_CALLS_MAX = 16_384;
const QUEUED_BYTES_MAX = 128 * 1024 * 1024;

/** Most calls under way from each lane on: 0 those soon over, 1 those that may wait, 2 those without end. */
const LANES_MAX = [CALLS_MAX, WAITING_CALLS_MAX, ENDLESS_CALLS_MAX] as const;
type Lane = 0 | 1 | 2;

/** In which lane a call queues: what may take long leaves places to what does not. */
function laneOf({ patienceMs }: Pick<AnyOperation, "patienceMs">): Lane {
  if (patienceMs === undefined) return 2;
  return patienceMs > SOON_MS ? 1 : 0;
}

interface QueuedCall {
  readonly number: number;
  readonly lane: Lane;
  readonly bytes: number;
  readonly begin: () => void;
}

/**
 * The calls of one connection: no more under way than the daemon admits, the others begin as places become free, in
 * their order within a lane.
 */
export class CallQueue {
  /** The lane of each call under way, by its number. */
  readonly #underWay = new Map<number, Lane>();
  readonly #counts: [number, number, number] = [0, 0, 0];
  /** By lane, in their order. */
  readonly #queued = [new Map<number, QueuedCall>(), new Map<number, QueuedCall>(), new Map<number, QueuedCall>()];
  #queuedBytes = 0;

  /**
   * Calls `begin` once there is a place for a call of that number, perhaps at once; the place is its until `ended`. Throws
   * `unavailable` when too much waits already.
   */
  enter(number: number, operation: Pick<AnyOperation, "name" | "patienceMs">, bytes: number, begin: () => void): void {
    const lane = laneOf(operation);
    if (this.#hasPlace(lane)) {
      this.#begin({ number, lane, bytes, begin });
      return;
    }
    const calls = this.#queued.reduce((sum, { size }) => sum + size, 0);
    if (calls >= QUEUED_CALLS_MAX || (calls > 0 && this.#queuedBytes + bytes > QUEUED_BYTES_MAX)) {
      throw new EntmootError(
        "unavailable",
        `${operation.name}: ${calls} calls of ${sizeText(this.#queuedBytes)} wait for a place on this connection; ask for more once some of them have ended`,
      );
    }
    this.#queued[lane]!.set(number, { number, lane, bytes, begin });
    this.#queuedBytes += bytes;
  }

  /** The caller no longer wants it. One that has begun keeps its place: the daemon may be at it still. */
  leave(number: number): void {
    for (const lane of this.#queued) {
      this.#queuedBytes -= lane.get(number)?.bytes ?? 0;
      lane.delete(number);
    }
  }

  /** The daemon is done with it, or never heard of it. */
  ended(number: number): void {
    const lane = this.#underWay.get(number);
    if (lane === undefined) return;
    this.#underWay.delete(number);
    this.#counts[lane] -= 1;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.leave(next.number);
      this.#begin(next);
    }
  }

  /** Nothing of what is under way is known any more. */
  endAll(): void {
    for (const number of [...this.#underWay.keys()]) this.ended(number);
  }

  #begin({ begin, lane, number }: QueuedCall): void {
    this.#underWay.set(number, lane);
    this.#counts[lane] += 1;
    begin();
  }

  /** The one that has waited longest of those for which there is a place. */
  #next(): QueuedCall | undefined {
    return this.#queued
      .map((lane) => lane.values().next().value)
      .filter((first) => first !== undefined && this.#hasPlace(first.lane))
      .toSorted((a, b) => a!.number - b!.number)[0];
  }

  /** A call counts in its own lane and in those that wait less. */
  #hasPlace(lane: Lane): boolean {
    const [soon, waiting, endless] = this.#counts;
    const [soonMax, waitingMax, endlessMax] = LANES_MAX;
    if (soon + waiting + endless >= soonMax) return false;
    if (lane >= 1 && waiting + endless >= waitingMax) return false;
    return lane < 2 || endless < endlessMax;
  }
}
