/** Keys as parts of one text: the one at a place in `[from, to)` is `[starts[place], ends[place])` of it. */
export interface KeyPlaces {
  readonly text: string;
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly from: number;
  readonly to: number;
}

/** Ours. So few keys are put in their places one by one. */
const FEW = 16;

/** Above it whole numbers are none any more as a `number`. */
const WHOLE_NUMBERS = 2 ** 53;

/** Whether each key comes behind the one before it in the order of their UTF-8 bytes. */
export function isAscending(keys: KeyPlaces): boolean {
  for (let place = keys.from + 1; place < keys.to; place++) {
    if (comparePlaces(keys, place - 1, place) >= 0) return false;
  }
  return true;
}

/** Compares the keys at two places as their UTF-8 bytes compare; the first `depth` units are known to be the same. */
export function comparePlaces({ ends, starts, text }: KeyPlaces, a: number, b: number, depth = 0): number {
  const from = starts[a]!;
  const other = starts[b]!;
  const length = ends[a]! - from;
  const otherLength = ends[b]! - other;
  const common = Math.min(length, otherLength);
  for (let at = depth; at < common; at++) {
    const x = text.charCodeAt(from + at);
    const y = text.charCodeAt(other + at);
    if (x !== y) return rank(x) - rank(y);
  }
  return length - otherLength;
}

/**
 * Where each key belongs in the order of their UTF-8 bytes: its place, those of equal keys in their order. Units are
 * packed into numbers together with the place, and the numbers sorted: no text is made of a key, and nothing called
 * for each pair. What begins alike is sorted again by what follows. No hash is made of keys, for who chose them may have
 * chosen such as have the same.
 */
export function keyOrder(keys: KeyPlaces): Order {
  const { from, to } = keys;
  const count = to - from;
  const order = count <= FEW ? new Array<number>(count) : new Uint32Array(count);
  for (let at = 0; at < count; at++) order[at] = from + at;
  const all = { from: 0, to: count, depth: 0 };
  if (count <= FEW) {
    insertionSort(keys, order, all);
    return order;
  }
  const open: Alike[] = [all];
  const packed = new Float64Array(count);
  const base = greatestRank(keys) + 2;
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    if (group.to - group.from <= FEW) insertionSort(keys, order, group);
    else sortGroup({ keys, order, packed, base }, group, open);
  }
  return order;
}

/** Places in an order; a short one is no array of numbers alone, which takes longer to make than to sort. */
type Order = Uint32Array | number[];

/** The keys at `[from, to)` of the order have their first `depth` units in common. */
interface Alike {
  readonly from: number;
  readonly to: number;
  readonly depth: number;
}

interface KeySort {
  readonly keys: KeyPlaces;
  readonly order: Order;
  readonly packed: Float64Array;
  /** How many values a unit may have, the end of a key among them, which is 0. */
  readonly base: number;
}

function greatestRank({ ends, from, starts, text, to }: KeyPlaces): number {
  let greatest = 0;
  for (let place = from; place < to; place++) {
    for (let at = starts[place]!; at < ends[place]!; at++) greatest = Math.max(greatest, rank(text.charCodeAt(at)));
  }
  return greatest;
}

/** Sorts one group by its next units; those that are still alike go to `open`. */
function sortGroup({ base, keys, order, packed }: KeySort, group: Alike, open: Alike[]): void {
  const { from, to } = group;
  const { ends, starts, text } = keys;
  const depth = commonLength(keys, order, group);
  const old = order.slice(from, to);
  const count = old.length;
  const units = Math.floor(Math.log2(WHOLE_NUMBERS / count) / Math.log2(base));
  const values = packed.subarray(0, count);
  for (let at = 0; at < count; at++) {
    const place = old[at]!;
    const end = ends[place]!;
    let next = starts[place]! + depth;
    let value = 0;
    for (let unit = 0; unit < units; unit++, next++) {
      value = value * base + (next < end ? rank(text.charCodeAt(next)) + 1 : 0);
    }
    values[at] = value * count + at;
  }
  values.sort();
  let since = from;
  let last = -1;
  for (let at = 0; at <= count; at++) {
    const value = at < count ? Math.floor(values[at]! / count) : -1;
    if (at < count) order[from + at] = old[values[at]! - value * count]!;
    if (value === last) continue;
    // Those whose last unit is their end are the same key, and in their order.
    if (from + at - since > 1 && last % base !== 0) open.push({ from: since, to: from + at, depth: depth + units });
    since = from + at;
    last = value;
  }
}

/** How much the keys of a group have in common. Without it a long beginning of all would be sorted unit by unit. */
function commonLength({ ends, starts, text }: KeyPlaces, order: Order, { depth, from, to }: Alike): number {
  const first = starts[order[from]!]!;
  let length = ends[order[from]!]! - first;
  for (let at = from + 1; at < to && length > depth; at++) {
    const start = starts[order[at]!]!;
    length = Math.min(length, ends[order[at]!]! - start);
    let same = depth;
    while (same < length && text.charCodeAt(start + same) === text.charCodeAt(first + same)) same += 1;
    length = same;
  }
  return length;
}

function insertionSort(keys: KeyPlaces, order: Order, { depth, from, to }: Alike): void {
  for (let at = from + 1; at < to; at++) {
    const place = order[at]!;
    let before = at;
    while (before > from && comparePlaces(keys, order[before - 1]!, place, depth) > 0) {
      order[before] = order[before - 1]!;
      before -= 1;
    }
    order[before] = place;
  }
}

/** Orders two keys as their UTF-8 bytes order. */
export function compareKeys(a: string, b: string): number {
  const ends = [a.length, a.length + b.length];
  return comparePlaces({ text: a + b, starts: [0, a.length], ends, from: 0, to: 2 }, 0, 1);
}

/**
 * UTF-16 units order as UTF-8 bytes do, except that surrogates (U+10000 and up) must come after U+E000..U+FFFF. Below
 * 0x10000, as its unit is.
 */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
