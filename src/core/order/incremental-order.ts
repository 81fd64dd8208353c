import { withRoom } from "../bytes/typed-array.ts";
import { EntmootError } from "../errors.ts";
import { MessageId } from "../ids.ts";
import { NodeTable } from "./node-table.ts";
import { latest, type OrderNode, PARENTS_MAX } from "./order.ts";
import { ParentEdges } from "./parent-edges.ts";
import { mergeByRank } from "./rank-merge.ts";

/** Ours. Each insertion moves what follows it: up to this many go one by one, more are merged in one pass over the tail. */
const PLACED_SINGLY_MAX = 16;

const UNPLACED = 0xffffffff;
const GONE = 0xfffffffe;

/** Ours. Slots of removed nodes are given back when they are more than one in so many: a pass over all, so not at every removal. */
const GONE_SHARE = 4;

/**
 * The order of `topologicalOrder`, kept for a growing set. Three facts carry it:
 *
 * - A node without children in the set goes where, behind the last of its parents, the first greater
 *   key stands; nothing else moves. Appends are this case and cost no more than looking at the end.
 * - A node whose children are already there goes to the same place, if that is ahead of all of them.
 * - Otherwise nothing changes ahead of its first child and of the first key greater than its own, so
 *   the tail from there is merged anew.
 *
 * Work is put off until something is read, so a batch costs one pass. Reading throws
 * `invalid_argument` when parents form a cycle, which ids that are hashes cannot.
 */
export class IncrementalOrder {
  #table: NodeTable;
  #edges: ParentEdges;
  readonly #seed: number;
  /** Slots by position; the first `#placed` are in order. */
  #sequence: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  #placed = 0;
  /** Position by slot, or `UNPLACED`, or `GONE` once removed. */
  #position: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  #pending: number[] = [];
  /** Children that had their place before their parent came, by the slot of a pending parent. */
  readonly #lateFor = new Map<number, number[]>();
  /** Positions `[0, #ascending)` rise by key; equal to the length when no child sorts before a parent. */
  #ascending = 0;
  #negatives = 0;
  /** Slots of removed nodes. */
  #gone = 0;
  #changedFrom = 0;
  /** The same set without negative timestamps, from the first time its order may differ. */
  #withoutNegatives: IncrementalOrder | undefined;

  /** `seed`: 32 random bits that keep chosen ids from colliding in the hash index; any number will do in tests. */
  constructor(seed = 0) {
    this.#seed = seed;
    this.#table = new NodeTable(seed);
    this.#edges = new ParentEdges(seed);
  }

  get length(): number {
    return this.#table.size - this.#gone;
  }

  get byteLength(): number {
    const arrays = [this.#sequence, this.#position];
    return arrays.reduce((sum, array) => sum + array.byteLength, this.#table.byteLength + this.#edges.byteLength);
  }

  reserve(count: number): void {
    this.#table.reserve(count);
    this.#makeRoom(count);
  }

  /** The slot of the id at `offset`, or `undefined`. Slots count up from 0 in order of insertion. */
  slotOf(ids: Uint8Array, offset = 0): number | undefined {
    const slot = this.#table.find(ids, offset);
    return slot === NodeTable.none ? undefined : slot;
  }

  /**
   * Adds a node; `false` when its id is already there. `parents` is ids end to end, 32 bytes each.
   * Those not in the set count from the moment they are added.
   */
  insert(id: Uint8Array, timestamp: bigint | number, author: number, parents: Uint8Array): boolean {
    if (this.#table.find(id) !== NodeTable.none) return false;
    const slot = this.#table.add(id, 0, timestamp, author);
    this.#makeRoom(slot + 1);
    this.#position[slot] = UNPLACED;
    if (this.#table.isNegative(slot)) this.#negatives++;
    else this.#withoutNegatives?.insert(id, timestamp, author, parents);
    this.#edges.add(slot, parents, this.#table);
    const last = this.#edges.last(slot, this.#position);
    const late = this.#adopt(slot, id);
    if (late || last === UNPLACED || this.#pending.length > 0 || this.#firstGreater(last, slot) < this.#placed) {
      this.#pending.push(slot);
    } else {
      this.#placeAt(this.#placed, slot);
    }
    return true;
  }

  /** The order as slots by position, its first `length` entries. Valid until the next change. */
  sequence(): Uint32Array {
    this.#settle();
    return this.#sequence;
  }

  positionOf(slot: number): number {
    this.#settle();
    return this.#position[slot]!;
  }

  /** The lowest position that may differ from what it was at the previous call. */
  positionsChangedFrom(): number {
    this.#settle();
    const from = Math.min(this.#changedFrom, this.#placed);
    this.#changedFrom = this.#placed;
    return from;
  }

  /** Whether the order is that of the keys: no node stands behind one with a greater key. */
  get isAscending(): boolean {
    this.#settle();
    return this.#ascending === this.#placed;
  }

  /** The nodes with parents that are not in the set, and the ids of those. */
  *lacking(): Generator<{ readonly node: Omit<OrderNode, "parents">; readonly parents: readonly MessageId[] }> {
    for (const [slot, parents] of this.#edges.missing()) {
      const id = this.#table.hex(slot) as MessageId;
      const node = { id, timestamp: this.#table.timestamp(slot), author: this.#table.author(slot) };
      yield { node, parents: parents.map((parent) => MessageId.fromBytes(parent)) };
    }
  }

  /** Ids in order from `position` on. */
  *ids(position = 0): Generator<MessageId> {
    const sequence = this.sequence();
    for (let at = position; at < this.#placed; at++) yield this.#table.hex(sequence[at]!) as MessageId;
  }

  /** All ids in order, 32 bytes each. */
  idBytes(): Uint8Array<ArrayBuffer> {
    const sequence = this.sequence();
    return this.#table.bytesOf(sequence, this.#placed);
  }

  /** The `count` newest by timestamp, author and id, in the order they have among themselves. */
  latest(count: number): MessageId[] {
    this.#settle();
    if (count <= 0) return [];
    const start = Math.max(0, Math.min(this.#ascending, this.#placed) - count);
    if (this.#ascending === this.#placed) return [...this.ids(start)];
    const newest = this.#newestFrom(start, count);
    return latest(
      newest.map((slot) => this.#node(slot)),
      count,
    );
  }

  /** The parents a new message takes: the last three of those with timestamp ≥ 0, ordered among themselves. */
  nextParents(): MessageId[] {
    this.#settle();
    // Negative timestamps that head an ascending order leave the rest as it is. One behind a parent
    // holds back children it would not hold back in the order without it, so that order is kept as well.
    if (this.#negatives <= this.#ascending && this.#negativesLead()) {
      return [...this.ids(Math.max(this.#negatives, this.#placed - PARENTS_MAX))];
    }
    this.#withoutNegatives ??= this.#copyWithoutNegatives();
    return this.#withoutNegatives.nextParents();
  }

  /**
   * Removes the ids given and returns how many were there. When many have gone, slots are numbered anew:
   * `renumbered` is the new slot of each old one then, `NodeTable.none` for those gone. Costs a pass over the
   * set, so give many at once.
   */
  remove(ids: Iterable<Uint8Array>): { readonly removed: number; readonly renumbered: Uint32Array | undefined } {
    this.#settle();
    const before = this.#gone;
    let first = this.#placed;
    for (const id of ids) {
      const slot = this.#table.find(id);
      if (slot === NodeTable.none) continue;
      first = Math.min(first, this.#position[slot]!);
      this.#table.remove(slot);
      this.#position[slot] = GONE;
      this.#gone++;
      if (this.#table.isNegative(slot)) this.#negatives--;
    }
    const removed = this.#gone - before;
    if (removed === 0) return { removed, renumbered: undefined };
    this.#withoutNegatives = undefined;
    this.#edges.release(this.#table.size, this.#isGone, this.#table);
    this.#closeGaps(first);
    return { removed, renumbered: this.#gone * GONE_SHARE > this.#table.size ? this.#renumber() : undefined };
  }

  /** Joins `slot` to the children that waited for it; whether there were any. */
  #adopt(slot: number, id: Uint8Array): boolean {
    const placed: number[] = [];
    const any = this.#edges.adopt(slot, id, (child) => {
      if (this.#position[child]! < GONE) placed.push(child);
    });
    if (placed.length > 0) this.#lateFor.set(slot, placed);
    return any;
  }

  /** The first position behind `after` whose key is greater than that of `slot`. */
  #firstGreater(after: number, slot: number): number {
    const table = this.#table;
    let low = after + 1;
    let high = Math.max(low, this.#ascending);
    if (low < high && table.compare(this.#sequence[high - 1]!, slot) < 0) low = high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (table.compare(this.#sequence[middle]!, slot) > 0) high = middle;
      else low = middle + 1;
    }
    if (low < this.#ascending) return low;
    while (low < this.#placed && table.compare(this.#sequence[low]!, slot) < 0) low++;
    return low;
  }

  #placeAt(at: number, slot: number): void {
    this.#sequence.copyWithin(at + 1, at, this.#placed);
    this.#sequence[at] = slot;
    this.#placed++;
    for (let position = at; position < this.#placed; position++) this.#position[this.#sequence[position]!] = position;
    if (at <= this.#ascending) {
      const rises = at === 0 || this.#table.compare(this.#sequence[at - 1]!, slot) < 0;
      this.#ascending = rises ? this.#ascending + 1 : at;
    }
    this.#changedFrom = Math.min(this.#changedFrom, at);
  }

  #settle(): void {
    if (this.#pending.length === 0) return;
    if (this.#pending.length <= PLACED_SINGLY_MAX) this.#placeSingly();
    if (this.#pending.length > 0) this.#mergeFrom(this.#firstAffected(), Uint32Array.from(this.#pending));
    this.#pending = [];
    this.#lateFor.clear();
  }

  /** Moves pending nodes into place, parents first, until done or one would have to stand behind its child. */
  #placeSingly(): void {
    let left = this.#pending.sort((a, b) => this.#table.compare(a, b));
    while (left.length > 0) {
      const at = left.findIndex((slot) => this.#edges.last(slot, this.#position) !== UNPLACED);
      const slot = left[at];
      if (slot === undefined) break;
      const target = this.#firstGreater(this.#edges.last(slot, this.#position), slot);
      if (target > this.#firstLateChild(slot)) break;
      this.#placeAt(target, slot);
      left = left.toSpliced(at, 1);
    }
    this.#pending = left;
  }

  #firstLateChild(slot: number): number {
    return (this.#lateFor.get(slot) ?? []).reduce((first, child) => Math.min(first, this.#position[child]!), UNPLACED);
  }

  #firstAffected(): number {
    const least = this.#pending.reduce((a, b) => (this.#table.compare(a, b) < 0 ? a : b));
    return this.#pending.reduce(
      (first, slot) => Math.min(first, this.#firstLateChild(slot)),
      this.#firstGreater(-1, least),
    );
  }

  /** Orders anew what stands from position `from` on, together with `added`. */
  #mergeFrom(from: number, added: Uint32Array): void {
    const tail = new Uint32Array(this.#placed - from + added.length);
    tail.set(this.#sequence.subarray(from, this.#placed));
    tail.set(added, this.#placed - from);
    this.#table.sort(tail);
    for (let rank = 0; rank < tail.length; rank++) this.#position[tail[rank]!] = from + rank;
    const ranks = mergeByRank({ tail, from, position: this.#position, edges: this.#edges });
    if (ranks && ranks.length < tail.length) this.#refuseCycle(from, added, ranks.length);
    const rising = ranks ? risingLength(ranks) : tail.length;
    const joins = from === 0 || this.#table.compare(this.#sequence[from - 1]!, tail[ranks ? ranks[0]! : 0]!) < 0;
    for (let i = 0; i < tail.length; i++) {
      const slot = tail[ranks ? ranks[i]! : i]!;
      this.#sequence[from + i] = slot;
      this.#position[slot] = from + i;
    }
    this.#ascending = this.#ascending >= from ? from + (joins ? rising : 0) : this.#ascending;
    this.#placed = from + tail.length;
    this.#changedFrom = Math.min(this.#changedFrom, from);
  }

  #refuseCycle(from: number, added: Uint32Array, emitted: number): never {
    for (let at = from; at < this.#placed; at++) this.#position[this.#sequence[at]!] = at;
    for (const slot of added) this.#position[slot] = UNPLACED;
    throw new EntmootError(
      "invalid_argument",
      `order: cycle detected (emitted ${from + emitted} of ${this.#placed + added.length} messages)`,
    );
  }

  #negativesLead(): boolean {
    return this.#negatives === 0 || this.#table.isNegative(this.#sequence[this.#negatives - 1]!);
  }

  #copyWithoutNegatives(): IncrementalOrder {
    const missing = this.#edges.missing();
    const copy = new IncrementalOrder(this.#seed);
    for (let slot = 0; slot < this.#table.size; slot++) {
      if (this.#table.isNegative(slot) || this.#isGone(slot)) continue;
      const parents = this.#edges.of(slot).map((parent) => this.#table.id(parent));
      const all = Buffer.concat([...parents, ...(missing.get(slot) ?? [])]);
      copy.insert(this.#table.id(slot), this.#table.timestamp(slot), this.#table.author(slot), all);
    }
    return copy;
  }

  /** The `count` greatest of those from position `start` on, in any order. */
  #newestFrom(start: number, count: number): number[] {
    const newest: number[] = [];
    // From the end, where the newest mostly are; `newest` rises by key.
    for (let at = this.#placed - 1; at >= start; at--) {
      const slot = this.#sequence[at]!;
      if (newest.length >= count && this.#table.compare(slot, newest[0]!) < 0) continue;
      let low = 0;
      let high = newest.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (this.#table.compare(newest[middle]!, slot) < 0) low = middle + 1;
        else high = middle;
      }
      newest.splice(low, 0, slot);
      if (newest.length > count) newest.shift();
    }
    return newest;
  }

  #node(slot: number): OrderNode {
    const parents = this.#edges.of(slot).map((parent) => this.#table.hex(parent) as MessageId);
    const id = MessageId.fromBytes(this.#table.id(slot));
    return { id, timestamp: this.#table.timestamp(slot), author: this.#table.author(slot), parents };
  }

  #makeRoom(count: number): void {
    this.#edges.reserve(count);
    this.#sequence = withRoom(this.#sequence, count);
    this.#position = withRoom(this.#position, count);
  }

  readonly #isGone = (slot: number): boolean => this.#position[slot] === GONE;

  /** Takes the nodes gone out of the sequence from position `first` on. */
  #closeGaps(first: number): void {
    const wasAscending = this.#ascending === this.#placed;
    let to = first;
    for (let at = first; at < this.#placed; at++) {
      const slot = this.#sequence[at]!;
      if (this.#position[slot] === GONE) continue;
      this.#sequence[to] = slot;
      this.#position[slot] = to++;
    }
    this.#placed = to;
    this.#ascending = Math.min(this.#ascending, wasAscending ? to : first);
    this.#changedFrom = Math.min(this.#changedFrom, first);
    // Children held back by a parent that is gone may belong anywhere ahead.
    if (!wasAscending) this.#mergeFrom(0, new Uint32Array(0));
  }

  #renumber(): Uint32Array {
    const { table, renumbered } = this.#table.without(this.#isGone);
    this.#edges = this.#edges.renumber(renumbered);
    this.#table = table;
    this.#gone = 0;
    this.#sequence = this.#sequence.subarray(0, this.#placed).map((slot) => renumbered[slot]!);
    this.#position = new Uint32Array(this.#placed);
    for (let at = 0; at < this.#placed; at++) this.#position[this.#sequence[at]!] = at;
    this.#changedFrom = 0;
    return renumbered;
  }
}

/** How many of `ranks`, from the first on, rise. */
function risingLength(ranks: Uint32Array): number {
  let length = Math.min(1, ranks.length);
  while (length < ranks.length && ranks[length]! > ranks[length - 1]!) length++;
  return length;
}
