import { withRoom } from "../bytes/typed-array.ts";
import { MissingParents } from "./missing-parents.ts";
import { NodeTable } from "./node-table.ts";

/**
 * Who the parents of each node are, by slot. Those not in the set are kept by id and become edges when they
 * arrive. Nodes are added in order of their slots.
 */
export class ParentEdges {
  /** Parents of slot s: `#parents[#starts[s] .. #starts[s + 1])`, `NodeTable.none` while missing. */
  #starts: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  #parents: Uint32Array<ArrayBuffer> = new Uint32Array(64);
  readonly #missing: MissingParents;
  readonly #seed: number;

  /** `seed` as `IdTable` takes it. */
  constructor(seed: number) {
    this.#seed = seed;
    this.#missing = new MissingParents(seed);
  }

  get byteLength(): number {
    return this.#starts.byteLength + this.#parents.byteLength + this.#missing.byteLength;
  }

  /** Where the parents of each slot start in `parents`, with one entry more than there are slots. */
  get starts(): Uint32Array {
    return this.#starts;
  }

  /** Slots, or `NodeTable.none` for those missing. */
  get parents(): Uint32Array {
    return this.#parents;
  }

  /** Makes room for the nodes `[0, count)`. */
  reserve(count: number): void {
    this.#starts = withRoom(this.#starts, count + 1);
  }

  /** Adds the parents of `slot`: ids end to end, looked up in `table`. */
  add(slot: number, ids: Uint8Array, table: NodeTable): void {
    this.reserve(slot + 1);
    const start = this.#starts[slot]!;
    const count = Math.floor(ids.length / 32);
    this.#parents = withRoom(this.#parents, start + count);
    for (let i = 0; i < count; i++) {
      const parent = table.find(ids, i * 32);
      // A node that names itself waits for itself, and so ends up in the cycle it is.
      const isMissing = parent === NodeTable.none || parent === slot;
      this.#parents[start + i] = isMissing ? NodeTable.none : parent;
      if (isMissing) this.#missing.wait(ids, i * 32, { edge: start + i, child: slot });
    }
    this.#starts[slot + 1] = start + count;
  }

  /** Makes `slot`, whose id is `id`, the parent of the nodes that waited for it, each given to `visit`. Whether any did. */
  adopt(slot: number, id: Uint8Array, visit: (child: number) => void): boolean {
    return this.#missing.settle(id, (edge, child) => {
      this.#parents[edge] = slot;
      visit(child);
    });
  }

  /** The parents of `slot` that are in the set. */
  of(slot: number): number[] {
    const parents = this.#parents.subarray(this.#starts[slot]!, this.#starts[slot + 1]!);
    return [...parents].filter((parent) => parent !== NodeTable.none);
  }

  /** The greatest of `position` over the parents of `slot` that are in the set; -1 without any. */
  last(slot: number, position: Uint32Array): number {
    let last = -1;
    for (let edge = this.#starts[slot]!; edge < this.#starts[slot + 1]!; edge++) {
      const parent = this.#parents[edge]!;
      if (parent !== NodeTable.none) last = Math.max(last, position[parent]!);
    }
    return last;
  }

  /** Ids of the parents that are missing, by child. */
  missing(): Map<number, Uint8Array[]> {
    const byChild = new Map<number, Uint8Array[]>();
    this.#missing.each((parent, { child }) => {
      const known = byChild.get(child);
      if (known) known.push(parent.slice());
      else byChild.set(child, [parent.slice()]);
    });
    return byChild;
  }

  /** Parents that `isGone` names are missing from now on, to the children that stay. */
  release(slots: number, isGone: (slot: number) => boolean, table: NodeTable): void {
    for (let child = 0; child < slots; child++) {
      const childGone = isGone(child);
      for (let edge = this.#starts[child]!; edge < this.#starts[child + 1]!; edge++) {
        const parent = this.#parents[edge]!;
        if (parent === NodeTable.none || !(childGone || isGone(parent))) continue;
        this.#parents[edge] = NodeTable.none;
        if (!childGone) this.#missing.wait(table.id(parent), 0, { edge, child });
      }
    }
  }

  /** The edges of the nodes that stay: slot s becomes `renumbered[s]`, or goes when that is `NodeTable.none`. Those must have been released. */
  renumber(renumbered: Uint32Array): ParentEdges {
    const kept = new ParentEdges(this.#seed);
    for (let slot = 0; slot < renumbered.length; slot++) {
      const child = renumbered[slot]!;
      if (child === NodeTable.none) continue;
      kept.reserve(child + 1);
      let to = kept.#starts[child]!;
      kept.#parents = withRoom(kept.#parents, to + this.#starts[slot + 1]! - this.#starts[slot]!);
      for (let edge = this.#starts[slot]!; edge < this.#starts[slot + 1]!; edge++) {
        const parent = this.#parents[edge]!;
        kept.#parents[to++] = parent === NodeTable.none ? NodeTable.none : renumbered[parent]!;
      }
      kept.#starts[child + 1] = to;
    }
    this.#missing.each((parent, waiting) => {
      const child = renumbered[waiting.child]!;
      if (child === NodeTable.none) return;
      const edge = kept.#starts[child]! + waiting.edge - this.#starts[waiting.child]!;
      kept.#missing.wait(parent, 0, { edge, child });
    });
    return kept;
  }
}
