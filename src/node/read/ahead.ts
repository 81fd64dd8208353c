import { MessageId } from "../../core/ids.ts";
import type { Moot } from "./moots.ts";

/** A message to be told: its body is read when its turn comes, so that a slow reader holds up one at a time. */
export interface Ahead {
  readonly moot: Moot;
  readonly id: MessageId;
  /** As views have it. */
  readonly timestamp: bigint;
}

/** Wire. An id is a SHA-256 of what is signed. */
const ID_BYTES = 32;

/** Messages of a moot that are to be told, in few bytes each: a reader that stands still keeps its list. */
export class AheadList implements Iterable<Ahead> {
  readonly length: number;
  readonly #moot: Moot;
  readonly #ids: Uint8Array;
  readonly #timestamps: BigInt64Array;

  constructor(moot: Moot, messages: readonly Pick<Ahead, "id" | "timestamp">[]) {
    this.length = messages.length;
    this.#moot = moot;
    this.#ids = new Uint8Array(messages.length * ID_BYTES);
    this.#timestamps = new BigInt64Array(messages.length);
    for (const [at, { id, timestamp }] of messages.entries()) {
      this.#ids.set(MessageId.toBytes(id), at * ID_BYTES);
      this.#timestamps[at] = timestamp;
    }
  }

  *[Symbol.iterator](): Generator<Ahead> {
    for (let at = 0; at < this.length; at++) {
      const id = MessageId.fromBytes(this.#ids.subarray(at * ID_BYTES, (at + 1) * ID_BYTES));
      yield { moot: this.#moot, id, timestamp: this.#timestamps[at]! };
    }
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
