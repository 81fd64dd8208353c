/** What stands before every key that is text. Drawn by who starts a process, for nothing here is random. */
let processSalt = "";

/** Collections that are made from now on hash their keys behind `salt`: some bytes that nobody outside knows, as short text. */
export function saltKeys(salt: string): void {
  processSalt = salt;
}

/** Keys that are text stand behind a salt; others as they are. */
class Salt {
  readonly #text = processSalt;

  of<K>(key: K): K {
    return typeof key === "string" ? ((this.#text + key) as K) : key;
  }

  equals(other: Salt): boolean {
    return this.#text === other.#text;
  }

  without<K>(salted: K): K {
    return typeof salted === "string" ? (salted.slice(this.#text.length) as K) : salted;
  }
}

/**
 * As `Map`, for keys that peers choose: the runtime hashes text without a secret, to 24 bits, so whoever picks ids by their
 * hashes makes a plain table of 16,384 of them cost two seconds.
 */
export class SaltedMap<K, V> {
  readonly #salt = new Salt();
  readonly #values: Map<K, V>;

  constructor(entries: Iterable<readonly [K, V]> = []) {
    if (entries instanceof SaltedMap && this.#salt.equals(entries.#salt)) {
      this.#values = new Map(entries.#values);
      return;
    }
    this.#values = new Map();
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.#values.size;
  }

  has(key: K): boolean {
    return this.#values.has(this.#salt.of(key));
  }

  get(key: K): V | undefined {
    return this.#values.get(this.#salt.of(key));
  }

  set(key: K, value: V): this {
    this.#values.set(this.#salt.of(key), value);
    return this;
  }

  delete(key: K): boolean {
    return this.#values.delete(this.#salt.of(key));
  }

  clear(): void {
    this.#values.clear();
  }

  /** The entries whose keys `other` has not. */
  *notIn(other: SaltedMap<K, unknown>): Generator<[K, V], undefined> {
    const isAlike = this.#salt.equals(other.#salt);
    for (const [salted, value] of this.#values) {
      if (isAlike ? other.#values.has(salted) : other.has(this.#salt.without(salted))) continue;
      yield [this.#salt.without(salted), value];
    }
  }

  *keys(): Generator<K, undefined> {
    for (const salted of this.#values.keys()) yield this.#salt.without(salted);
  }

  values(): MapIterator<V> {
    return this.#values.values();
  }

  *[Symbol.iterator](): Generator<[K, V], undefined> {
    for (const [salted, value] of this.#values) yield [this.#salt.without(salted), value];
  }
}

/** What is asked of a set of others' keys that may be many: of a `SaltedSet`, or a `Set` where nobody chose them. */
export type KeySet<T> = Pick<ReadonlySet<T>, "has" | "size"> & Iterable<T>;

/** The keys of a table that does not change any more, but for `without`, as a set: no copy of them. */
export function keysOf<K>(map: SaltedMap<K, unknown>, without?: K): KeySet<K> {
  const isLess = without !== undefined && map.has(without);
  return {
    size: map.size - (isLess ? 1 : 0),
    has: (key) => key !== without && map.has(key),
    *[Symbol.iterator]() {
      for (const key of map.keys()) if (key !== without) yield key;
    },
  };
}

/** As `Set`, for what peers choose: see `SaltedMap`. */
export class SaltedSet<T> {
  readonly #salt = new Salt();
  readonly #items: Set<T>;

  constructor(items: Iterable<T> = []) {
    if (items instanceof SaltedSet && this.#salt.equals(items.#salt)) {
      this.#items = new Set(items.#items);
      return;
    }
    this.#items = new Set();
    for (const item of items) this.add(item);
  }

  get size(): number {
    return this.#items.size;
  }

  has(item: T): boolean {
    return this.#items.has(this.#salt.of(item));
  }

  add(item: T): this {
    this.#items.add(this.#salt.of(item));
    return this;
  }

  delete(item: T): boolean {
    return this.#items.delete(this.#salt.of(item));
  }

  clear(): void {
    this.#items.clear();
  }

  *[Symbol.iterator](): Generator<T, undefined> {
    for (const salted of this.#items) yield this.#salt.without(salted);
  }
}
