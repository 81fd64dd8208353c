import { MessageId } from "../../core/ids.ts";
import type { Turns } from "../turns.ts";
import type { Moot } from "./moots.ts";

/** A message to be told: its body is read when its turn comes, so that a slow reader holds up one at a time. */
export interface Ahead {
  readonly moot: Moot;
  readonly id: MessageId;
  /** As views have it, or that of a later one before it among those of its moot: its place among other moots'. */
  readonly timestamp: bigint;
}

/** Wire. An id is a SHA-256 of what is signed. */
const ID_BYTES = 32;

/** Messages of a moot that are to be told, in few bytes each: a reader that stands still keeps its list. */
export class AheadList implements Iterable<Ahead> {
  readonly length: number;
  readonly moot: Moot;
  readonly #ids: Uint8Array;
  readonly #timestamps: BigInt64Array;

  private constructor(moot: Moot, ids: Uint8Array, timestamps: BigInt64Array) {
    this.length = timestamps.length;
    this.moot = moot;
    this.#ids = ids;
    this.#timestamps = timestamps;
  }

  static of(moot: Moot, messages: readonly Pick<Ahead, "id" | "timestamp">[]): AheadList {
    const ids = new Uint8Array(messages.length * ID_BYTES);
    const timestamps = new BigInt64Array(messages.length);
    let latest: bigint | undefined;
    for (const [at, { id, timestamp }] of messages.entries()) {
      ids.set(MessageId.toBytes(id), at * ID_BYTES);
      // What stands behind a later one has its turn right after that, also once that is told or let go.
      if (latest === undefined || timestamp > latest) latest = timestamp;
      timestamps[at] = latest;
    }
    return new AheadList(moot, ids, timestamps);
  }

  /** A copy, so that what is left out takes no room. */
  withoutFirst(count: number): AheadList {
    return new AheadList(this.moot, this.#ids.slice(count * ID_BYTES), this.#timestamps.slice(count));
  }

  *[Symbol.iterator](): Generator<Ahead> {
    for (let at = 0; at < this.length; at++) {
      const id = MessageId.fromBytes(this.#ids.subarray(at * ID_BYTES, (at + 1) * ID_BYTES));
      yield { moot: this.moot, id, timestamp: this.#timestamps[at]! };
    }
  }
}

/** Ours. Messages that are looked at before everything else has its turn. */
const LOOKED_AT = 1_000;

/** The latest of several moots' lists: never more than so many are held, however many moots there are. */
export class LatestAhead {
  readonly #last: number;
  readonly #turns: Pick<Turns, "take">;
  #lists: AheadList[] = [];

  constructor(last: number, turns: Pick<Turns, "take">) {
    this.#last = last;
    this.#turns = turns;
  }

  get length(): number {
    return this.#lists.reduce((sum, { length }) => sum + length, 0);
  }

  get lists(): readonly AheadList[] {
    return this.#lists;
  }

  /** One moot's latest. What is earlier than so many others, in the order in which all are told, is let go. */
  async add(list: AheadList): Promise<void> {
    this.#lists.push(list);
    let over = this.length - this.#last;
    if (over <= 0) return;
    const dropped = new Map<Moot, number>();
    for (const { moot } of mergeByTime(this.#lists)) {
      if (over % LOOKED_AT === 0) await this.#turns.take();
      dropped.set(moot, (dropped.get(moot) ?? 0) + 1);
      over -= 1;
      if (over === 0) break;
    }
    this.#lists = this.#lists
      .map((each) => (dropped.has(each.moot) ? each.withoutFirst(dropped.get(each.moot)!) : each))
      .filter(({ length }) => length > 0);
  }
}

/** All of several runs, by time; each run keeps its own order. */
export function* mergeByTime(runs: readonly Iterable<Ahead>[]): Generator<Ahead> {
  const heads = runs.map((messages) => {
    const run = messages[Symbol.iterator]();
    return { run, head: run.next() };
  });
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const entry of heads) {
      if (entry.head.done) continue;
      const firstAhead = first?.head.value as Ahead | undefined;
      if (firstAhead === undefined || entry.head.value.timestamp < firstAhead.timestamp) first = entry;
    }
    if (first === undefined || first.head.done) return;
    yield first.head.value;
    first.head = first.run.next();
  }
}
