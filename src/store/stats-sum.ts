import { SaltedMap } from "../core/salted-map.ts";
import type { MessageTally } from "./search-store.ts";

/** Ours. Authors, and topics, that are counted one by one; past that those with the fewest messages go. */
const COUNTED_MAX = 65_536;

/** Sums by key, of which members choose as many as they like. */
export class StatsSum<Key extends string | number> {
  #sums = new SaltedMap<Key, MessageTally>();
  #isCut = false;

  get sums(): ReadonlyMap<Key, MessageTally> {
    return new Map(this.#sums);
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  add(key: Key, messages: number, bytes: number): void {
    const sum = this.#sums.get(key);
    if (sum !== undefined) {
      sum.messages += messages;
      sum.bytes += bytes;
      return;
    }
    if (this.#sums.size >= COUNTED_MAX) this.#cut();
    this.#sums.set(key, { messages, bytes });
  }

  #cut(): void {
    this.#isCut = true;
    const most = [...this.#sums].sort(([, a], [, b]) => b.messages - a.messages);
    this.#sums = new SaltedMap();
    for (const [key, sum] of most.slice(0, COUNTED_MAX / 2)) this.#sums.set(key, sum);
  }
}
