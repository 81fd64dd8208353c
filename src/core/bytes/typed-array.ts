type Growable = Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/**
 * `array` itself when it holds `length` elements, otherwise a copy with room for a quarter more.
 * A quarter, not double: these arrays are the largest things in memory, and copies stay amortised.
 */
export function withRoom<T extends Growable>(array: T, length: number): T {
  if (array.length >= length) return array;
  const capacity = Math.max(length, Math.ceil(array.length * 1.25), 64);
  const grown = new (array.constructor as new (size: number) => T)(capacity);
  grown.set(array);
  return grown;
}
