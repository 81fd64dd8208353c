/** What stands before every key that is text. Drawn by who starts a process, for nothing here is random. */
let processSalt = "";

/** Collections that are made from now on hash their keys behind `salt`: some 16 bytes that nobody outside knows. */
export function saltKeys(salt: string): void {
  processSalt = salt;
}

/** Keys that are text, behind a salt; others as they are. */
class Salt {
  readonly #salt = processSalt;

  of(key: unknown): unknown {
    return typeof key === "string" ? this.#salt + key : key;
  }
}

/**
 * As `Map`, for keys that peers choose: the runtime hashes text without a secret, to 24 bits, so whoever picks ids by their
 * hashes makes a plain table of 16,384 of them cost two seconds.
 */
export class SaltedMap<K, V> {
  readonly #salt = new Salt();
  readonly #entries = new Map<unknown, { readonly key: K; value: V }>();

  get size(): number {
    return this.#entries.size;
  }

  has(key: K): boolean {
    return this.#entries.has(this.#salt.of(key));
  }

  get(key: K): V | undefined {
    return this.#entries.get(this.#salt.of(key))?.value;
  }

  set(key: K, value: V): this {
    const salted = this.#salt.of(key);
    const held = this.#entries.get(salted);
    if (held === undefined) this.#entries.set(salted, { key, value });
    else held.value = value;
    return this;
  }

  delete(key: K): boolean {
    return this.#entries.delete(this.#salt.of(key));
  }

  clear(): void {
    this.#entries.clear();
  }

  *keys(): Generator<K, undefined> {
    for (const { key } of this.#entries.values()) yield key;
  }

  *values(): Generator<V, undefined> {
    for (const { value } of this.#entries.values()) yield value;
  }

  *[Symbol.iterator](): Generator<[K, V], undefined> {
    for (const { key, value } of this.#entries.values()) yield [key, value];
  }
}

/** As `Set`, for what peers choose: see `SaltedMap`. */
export class SaltedSet<T> {
  readonly #salt = new Salt();
  readonly #items = new Map<unknown, T>();

  constructor(items: Iterable<T> = []) {
    for (const item of items) this.add(item);
  }

  get size(): number {
    return this.#items.size;
  }

  has(item: T): boolean {
    return this.#items.has(this.#salt.of(item));
  }

  add(item: T): this {
    const salted = this.#salt.of(item);
    if (!this.#items.has(salted)) this.#items.set(salted, item);
    return this;
  }

  delete(item: T): boolean {
    return this.#items.delete(this.#salt.of(item));
  }

  clear(): void {
    this.#items.clear();
  }

  [Symbol.iterator](): MapIterator<T> {
    return this.#items.values();
  }
}
