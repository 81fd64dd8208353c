import { EntmootError } from "../errors.ts";
import { MerkleRoot, type MessageId } from "../ids.ts";
import { IncrementalOrder } from "./incremental-order.ts";
import { type MerkleProof, MerkleTree } from "./merkle-tree.ts";
import { NodeTable } from "./node-table.ts";
import type { OrderNode } from "./order.ts";

const scratch = new Uint8Array(32);

/**
 * The ids of one group's messages in their order, with the Merkle tree over it. About 160 bytes an id.
 * Reading after any number of additions costs one pass over what they moved.
 */
export class MessageSet {
  readonly #order: IncrementalOrder;
  readonly #tree = new MerkleTree();
  #root: MerkleRoot | undefined = MerkleRoot.zero;

  /** `seed`: 32 random bits, see `IncrementalOrder`. */
  constructor(seed = 0) {
    this.#order = new IncrementalOrder(seed);
  }

  get size(): number {
    return this.#order.length;
  }

  /** Bytes held in arrays. */
  get byteLength(): number {
    return this.#order.byteLength + this.#tree.byteLength;
  }

  /** Makes room for `count` messages in all, before loading many. */
  reserve(count: number): void {
    this.#order.reserve(count);
    this.#tree.reserve(count);
  }

  has(id: MessageId): boolean {
    scratch.setFromHex(id);
    return this.hasBytes(scratch);
  }

  /** As `has`, for the 32 bytes at `offset` of `ids`. */
  hasBytes(ids: Uint8Array, offset = 0): boolean {
    return this.#order.slotOf(ids, offset) !== undefined;
  }

  /** Adds a message; `false` when it is already there. */
  add({ id, timestamp, author, parents }: OrderNode): boolean {
    return this.addBytes(Uint8Array.fromHex(id), timestamp, author, Uint8Array.fromHex(parents.join("")));
  }

  /** As `add`, for ids as bytes: `parents` end to end, 32 bytes each. `timestamp` is an int64. */
  addBytes(id: Uint8Array, timestamp: bigint | number, author: number, parents: Uint8Array): boolean {
    if (id.length !== 32) throw new EntmootError("invalid_argument", `message id: expected 32 bytes, got ${id.length}`);
    if (!this.#order.insert(id, timestamp, author, parents)) return false;
    this.#tree.add(id);
    this.#root = undefined;
    return true;
  }

  /** Removes messages and returns how many were there. Costs a pass over the whole set, so give many at once. */
  remove(ids: Iterable<MessageId>): number {
    const { removed, renumbered } = this.#order.remove(Array.from(ids, (id) => Uint8Array.fromHex(id)));
    if (removed > 0) this.#root = undefined;
    if (renumbered) this.#tree.compact(renumbered, NodeTable.none);
    return removed;
  }

  /** The Merkle root over all messages in their order; zeros when there are none. */
  root(): MerkleRoot {
    if (this.#root === undefined) {
      const sequence = this.#order.sequence();
      this.#root = this.#tree.root(sequence, this.size, this.#order.positionsChangedFrom());
    }
    return this.#root;
  }

  /** A proof that `id` is under `root()`. Throws `not_found` when it is not in the set. */
  prove(id: MessageId): MerkleProof {
    const slot = this.#order.slotOf(Uint8Array.fromHex(id));
    if (slot === undefined) throw new EntmootError("not_found", `merkle: ${id} is not in the tree`);
    this.root();
    return this.#tree.prove(this.#order.sequence(), this.size, this.#order.positionOf(slot));
  }

  /** Whether no message stands behind one that is greater by timestamp, author and id. */
  get isAscending(): boolean {
    return this.#order.isAscending;
  }

  /** The messages with parents that are not in the set, and the ids of those. */
  lacking(): ReturnType<IncrementalOrder["lacking"]> {
    return this.#order.lacking();
  }

  /** Ids in order from `position` on. */
  ids(position = 0): Generator<MessageId> {
    return this.#order.ids(position);
  }

  /** All ids in order, 32 bytes each. */
  idBytes(): Uint8Array<ArrayBuffer> {
    return this.#order.idBytes();
  }

  /** Where `id` stands in the order, or `undefined` when it is not in the set. */
  positionOf(id: MessageId): number | undefined {
    const slot = this.#order.slotOf(Uint8Array.fromHex(id));
    return slot === undefined ? undefined : this.#order.positionOf(slot);
  }

  /** The `count` newest by timestamp, author and id, in the order they have among themselves. */
  latest(count: number): MessageId[] {
    return this.#order.latest(count);
  }

  /** The parents the next local message takes, at most three. */
  nextParents(): MessageId[] {
    return this.#order.nextParents();
  }
}
