import { SaltedMap } from "./salted-map.ts";
/**
 * A map with a maximum, for what strangers can grow. A key that is set becomes the newest; past the maximum the
 * oldest is forgotten. Iterates oldest first.
 */
export class BoundedMap<K, V> {
  readonly #max: number;
  readonly #entries = new SaltedMap<K, V>();

  /** `max`: at least 1. */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(key);
  }

  /** Leaves the key as old as it is. */
  get(key: K): V | undefined {
    return this.#entries.get(key);
  }

  /** What was forgotten for it, if anything. */
  set(key: K, value: V): readonly [K, V] | undefined {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#max) return undefined;
    const [oldest] = this.#entries;
    this.#entries.delete(oldest![0]);
    return oldest;
  }

  delete(key: K): boolean {
    return this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  [Symbol.iterator](): IteratorObject<[K, V], undefined> {
    return this.#entries[Symbol.iterator]();
  }
}
