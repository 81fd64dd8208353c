import { withRoom } from "../bytes/typed-array.ts";
import { EntmootError } from "../errors.ts";
import { MerkleRoot, type MessageId } from "../ids.ts";

/** Wire. Leaf = SHA-256(00 ‖ id), inner node = SHA-256(01 ‖ left ‖ right); a trailing odd node moves up as it is. */
const LEAF_PREFIX = 0;
const INNER_PREFIX = 1;

/** 32-bit words in one node. Nodes are moved by words: a copy of 32 bytes that way costs less than a subarray. */
const WORDS = 8;

/** Ours. One sibling a layer: with more, the proof would be of a tree of over 2^64 leaves. */
const SIBLINGS_MAX = 64;

// The hash input, laid out so that what follows the one-byte prefix is aligned to words.
const input = new ArrayBuffer(4 + 64);
const inputWords = new Uint32Array(input);
const leafInput = new Uint8Array(input, 3, 33);
const innerInput = new Uint8Array(input, 3, 65);
const output = new Uint8Array(32);
const outputWords = new Uint32Array(output.buffer);

function hashLeaf(): void {
  leafInput[0] = LEAF_PREFIX;
  Bun.SHA256.hash(leafInput, output);
}

function hashInner(): void {
  innerInput[0] = INNER_PREFIX;
  Bun.SHA256.hash(innerInput, output);
}

/**
 * An incremental Merkle tree. Leaves are added once and never move; `root` is told which leaf stands
 * at which position and from where that changed, and rehashes only what depends on it: about
 * log2(n) hashes after an append, the nodes right of the change after an insertion.
 * Memory: 64 bytes a leaf.
 */
export class MerkleTree {
  /** Leaf hashes by leaf number. */
  #leaves: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #count = 0;
  /** Inner layers by position; `#layers[0]` holds the pairs of leaves. */
  readonly #layers: Uint32Array<ArrayBuffer>[] = [];
  /** Leaves covered by the inner layers as they are. */
  #covered = 0;

  /** Leaves added so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes held in arrays. */
  get byteLength(): number {
    return this.#layers.reduce((sum, layer) => sum + layer.byteLength, this.#leaves.byteLength);
  }

  /** Makes room for `count` leaves in all at once. */
  reserve(count: number): void {
    if (count * WORDS > this.#leaves.length) {
      const grown = new Uint32Array(count * WORDS);
      grown.set(this.#leaves.subarray(0, this.#count * WORDS));
      this.#leaves = grown;
    }
  }

  /** Adds the 32 bytes at `offset` of `ids` as a leaf and returns its number: 0, 1, 2 and so on. */
  add(ids: Uint8Array, offset = 0): number {
    const leaf = this.#count++;
    this.#leaves = withRoom(this.#leaves, this.#count * WORDS);
    for (let i = 0; i < 32; i++) leafInput[i + 1] = ids[offset + i]!;
    hashLeaf();
    this.#leaves.set(outputWords, leaf * WORDS);
    return leaf;
  }

  /**
   * Drops leaves and renumbers the rest: leaf number `n` becomes `renumbered[n]`, or goes when that is
   * `dropped`. Numbers keep their order. The next `root` must say it changed from position 0.
   */
  compact(renumbered: Uint32Array, dropped: number): void {
    let kept = 0;
    for (let leaf = 0; leaf < this.#count; leaf++) {
      if (renumbered[leaf] === dropped) continue;
      if (kept !== leaf) this.#leaves.copyWithin(kept * WORDS, leaf * WORDS, (leaf + 1) * WORDS);
      kept++;
    }
    this.#count = kept;
    this.#leaves = this.#leaves.slice(0, kept * WORDS);
    this.#layers.length = 0;
    this.#covered = 0;
  }

  /**
   * The root over the first `length` leaves of `sequence` (leaf numbers by position); zeros when empty.
   * Positions below `changedFrom` stand as they did at the previous call.
   */
  root(sequence: Uint32Array, length: number, changedFrom: number): MerkleRoot {
    if (length === 0) {
      this.#covered = 0;
      return MerkleRoot.zero;
    }
    this.#update(sequence, length, Math.min(changedFrom, this.#covered, length - 1));
    const top = length === 1 ? this.#leaves : this.#layers[layersAbove(length) - 1]!;
    const at = length === 1 ? sequence[0]! * WORDS : 0;
    outputWords.set(top.subarray(at, at + WORDS));
    return MerkleRoot.fromBytes(output);
  }

  /** The proof for the leaf at `position`; `root` must have been called with the same `sequence` just before. */
  prove(sequence: Uint32Array, length: number, position: number): MerkleProof {
    const siblings: Uint8Array[] = [];
    let size = length;
    let at = position;
    for (let layer = -1; size > 1; layer++) {
      const sibling = at ^ 1;
      if (sibling < size) {
        const nodes = layer < 0 ? this.#leaves : this.#layers[layer]!;
        const word = (layer < 0 ? sequence[sibling]! : sibling) * WORDS;
        siblings.push(new Uint8Array(nodes.slice(word, word + WORDS).buffer));
      }
      at >>>= 1;
      size = (size + 1) >>> 1;
    }
    return { index: position, leaf_count: length, siblings };
  }

  #update(sequence: Uint32Array, length: number, changedFrom: number): void {
    let size = length;
    let from = changedFrom;
    for (let layer = 0; size > 1; layer++) {
      from >>>= 1;
      const above = (size + 1) >>> 1;
      this.#layers[layer] = withRoom(this.#layers[layer] ?? new Uint32Array(0), above * WORDS);
      if (layer === 0) pairLeaves(this.#leaves, sequence, size, this.#layers[0]!, from);
      else pairNodes(this.#layers[layer - 1]!, size, this.#layers[layer]!, from);
      size = above;
    }
    this.#covered = length;
  }
}

function pairLeaves(leaves: Uint32Array, sequence: Uint32Array, size: number, above: Uint32Array, from: number): void {
  const pairs = size >>> 1;
  for (let i = from; i < pairs; i++) {
    hashPair(leaves, sequence[2 * i]! * WORDS, leaves, sequence[2 * i + 1]! * WORDS, above, i * WORDS);
  }
  if (size & 1) {
    const last = sequence[size - 1]! * WORDS;
    for (let w = 0; w < WORDS; w++) above[pairs * WORDS + w] = leaves[last + w]!;
  }
}

function pairNodes(below: Uint32Array, size: number, above: Uint32Array, from: number): void {
  const pairs = size >>> 1;
  for (let i = from; i < pairs; i++) {
    hashPair(below, 2 * i * WORDS, below, (2 * i + 1) * WORDS, above, i * WORDS);
  }
  if (size & 1) {
    for (let w = 0; w < WORDS; w++) above[pairs * WORDS + w] = below[(size - 1) * WORDS + w]!;
  }
}

function hashPair(a: Uint32Array, aAt: number, b: Uint32Array, bAt: number, out: Uint32Array, outAt: number): void {
  for (let w = 0; w < WORDS; w++) inputWords[1 + w] = a[aAt + w]!;
  for (let w = 0; w < WORDS; w++) inputWords[1 + WORDS + w] = b[bAt + w]!;
  hashInner();
  for (let w = 0; w < WORDS; w++) out[outAt + w] = outputWords[w]!;
}

/** Layers above the leaves of a tree of `size`. */
function layersAbove(size: number): number {
  let layers = 0;
  for (let n = size; n > 1; n = (n + 1) >>> 1) layers++;
  return layers;
}

/** How one id is shown to be among the leaves. `siblings` run from the leaf upward, 32 bytes each. */
export interface MerkleProof {
  readonly index: number;
  readonly leaf_count: number;
  readonly siblings: readonly Uint8Array[];
}

/** A proof as JSON text: siblings as lists of 32 integers, `null` when there are none. */
export function formatMerkleProof({ index, leaf_count, siblings }: MerkleProof): string {
  return JSON.stringify({ index, leaf_count, siblings: siblings.length > 0 ? siblings.map((s) => [...s]) : null });
}

/** The root over `ids` in the order given; duplicates count each time. */
export function merkleRoot(ids: readonly MessageId[]): MerkleRoot {
  const { tree, sequence } = treeOf(ids);
  return tree.root(sequence, ids.length, 0);
}

/** A proof that `id` is in `ids`, for its last position. Throws `not_found` when it is not. */
export function merkleProve(ids: readonly MessageId[], id: MessageId): MerkleProof {
  const position = ids.lastIndexOf(id);
  if (position < 0) throw new EntmootError("not_found", `merkle: ${id} is not in the tree`);
  const { tree, sequence } = treeOf(ids);
  tree.root(sequence, ids.length, 0);
  return tree.prove(sequence, ids.length, position);
}

function treeOf(ids: readonly MessageId[]): { tree: MerkleTree; sequence: Uint32Array } {
  const tree = new MerkleTree();
  tree.reserve(ids.length);
  for (const id of ids) tree.add(Uint8Array.fromHex(id));
  return { tree, sequence: Uint32Array.from(ids, (_id, position) => position) };
}

/** Whether `proof` shows `id` under `root`. Malformed proofs are `false`, never an exception. */
export function merkleVerify(root: MerkleRoot, id: MessageId, proof: MerkleProof): boolean {
  const { index, leaf_count, siblings } = proof;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(leaf_count)) return false;
  if (index < 0 || leaf_count <= 0 || index >= leaf_count || siblings.length > SIBLINGS_MAX) return false;
  leafInput.set(Uint8Array.fromHex(id), 1);
  hashLeaf();
  let [position, size, used] = [index, leaf_count, 0];
  while (size > 1) {
    const promoted = position === size - 1 && size % 2 === 1;
    if (!promoted) {
      const sibling = siblings[used++];
      if (sibling?.length !== 32) return false;
      innerInput.set(position % 2 === 0 ? output : sibling, 1);
      innerInput.set(position % 2 === 0 ? sibling : output, 33);
      hashInner();
    }
    position = Math.floor(position / 2);
    size = Math.ceil(size / 2);
  }
  return used === siblings.length && output.toHex() === root;
}
