import { NodeTable } from "./node-table.ts";
import type { ParentEdges } from "./parent-edges.ts";

/** The tail of an order, sorted by key: a node's rank is its index in `tail`. */
interface Tail {
  /** Slots, ascending by key. */
  readonly tail: Uint32Array;
  /** Position of rank 0. */
  readonly from: number;
  /** By slot; `from + rank` for those in the tail, less than `from` for those ahead of it. */
  readonly position: Uint32Array;
  readonly edges: Pick<ParentEdges, "starts" | "parents">;
}

/**
 * Ranks in topological order, or `undefined` when that is the order they have. Fewer than
 * `tail.length` when parents form a cycle.
 */
export function mergeByRank(input: Tail): Uint32Array | undefined {
  const { tail } = input;
  if (!anyBeforeParent(input)) return undefined;
  const { starts, children, parentsLeft } = childrenByRank(input);
  const released = new RankHeap();
  const order = new Uint32Array(tail.length);
  let emitted = 0;
  // Nodes free from the beginning are met in order of rank; the heap holds only those set free since.
  let next = 0;
  const free = parentsLeft.map((count) => (count === 0 ? 1 : 0));
  for (;;) {
    while (next < tail.length && free[next] === 0) next++;
    const rank = released.size > 0 && (next >= tail.length || released.first < next) ? released.pop() : next++;
    if (rank >= tail.length) break;
    order[emitted++] = rank;
    for (let i = starts[rank]!; i < starts[rank + 1]!; i++) {
      const child = children[i]!;
      parentsLeft[child]!--;
      if (parentsLeft[child] === 0) released.push(child);
    }
  }
  return order.subarray(0, emitted);
}

function anyBeforeParent({ tail, from, position, edges: { starts, parents } }: Tail): boolean {
  for (let rank = 0; rank < tail.length; rank++) {
    const slot = tail[rank]!;
    for (let edge = starts[slot]!; edge < starts[slot + 1]!; edge++) {
      const parent = parents[edge]!;
      if (parent !== NodeTable.none && position[parent]! >= from + rank) return true;
    }
  }
  return false;
}

/** Edges within the tail turned round: the children of rank r are `children[starts[r] .. starts[r + 1])`. */
function childrenByRank({ tail, from, position, edges }: Tail) {
  const starts = new Uint32Array(tail.length + 1);
  const parentsLeft = new Uint32Array(tail.length);
  const each = (visit: (parentRank: number, rank: number) => void) => {
    for (let rank = 0; rank < tail.length; rank++) {
      const slot = tail[rank]!;
      for (let edge = edges.starts[slot]!; edge < edges.starts[slot + 1]!; edge++) {
        const parent = edges.parents[edge]!;
        if (parent !== NodeTable.none && position[parent]! >= from) visit(position[parent]! - from, rank);
      }
    }
  };
  each((parentRank, rank) => {
    starts[parentRank + 1]!++;
    parentsLeft[rank]!++;
  });
  for (let rank = 0; rank < tail.length; rank++) starts[rank + 1]! += starts[rank]!;
  const children = new Uint32Array(starts[tail.length]!);
  const filled = starts.slice();
  each((parentRank, rank) => {
    children[filled[parentRank]!++] = rank;
  });
  return { starts, children, parentsLeft };
}

/** A binary min-heap of ranks. */
class RankHeap {
  readonly #ranks: number[] = [];

  get size(): number {
    return this.#ranks.length;
  }

  get first(): number {
    return this.#ranks[0]!;
  }

  push(rank: number): void {
    const ranks = this.#ranks;
    let at = ranks.length;
    while (at > 0) {
      const above = (at - 1) >>> 1;
      if (ranks[above]! <= rank) break;
      ranks[at] = ranks[above]!;
      at = above;
    }
    ranks[at] = rank;
  }

  pop(): number {
    const ranks = this.#ranks;
    const first = ranks[0]!;
    const last = ranks.pop()!;
    if (ranks.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= ranks.length) break;
      if (below + 1 < ranks.length && ranks[below + 1]! < ranks[below]!) below++;
      if (last <= ranks[below]!) break;
      ranks[at] = ranks[below]!;
      at = below;
    }
    ranks[at] = last;
    return first;
  }
}
