import { withRoom } from "../bytes/typed-array.ts";
import { IdTable, NO_SLOT } from "./id-table.ts";

/** Ours. Ids no longer waited for stay in the table until there are this many, and more than of the others. */
const SETTLED_MIN = 1024;

/** One edge that waits: the child in slot `child` names a parent that is not in the set. */
interface WaitingEdge {
  readonly edge: number;
  readonly child: number;
}

/** Edges to parents not in the set, by the parent's id. */
export class MissingParents {
  #ids: IdTable;
  /** The last edge put down for an id, by its slot in `#ids`; each links to the one before. */
  #last: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #edges: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #children: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #before: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  #used = 0;
  /** Edges that wait. */
  #waiting = 0;
  #settled = 0;

  /** `seed` as `IdTable` takes it. */
  constructor(seed: number) {
    this.#ids = new IdTable(seed);
  }

  get byteLength(): number {
    const arrays = [this.#last, this.#edges, this.#children, this.#before];
    return arrays.reduce((sum, array) => sum + array.byteLength, this.#ids.byteLength);
  }

  /** Puts down that `edge` of `child` waits for the 32 bytes at `offset` of `parents`. */
  wait(parents: Uint8Array, offset: number, { edge, child }: WaitingEdge): void {
    let slot = this.#ids.find(parents, offset);
    if (slot === NO_SLOT) {
      slot = this.#ids.add(parents, offset);
      this.#last = withRoom(this.#last, slot + 1);
      this.#last[slot] = NO_SLOT;
    } else if (this.#last[slot] === NO_SLOT) this.#settled--;
    const at = this.#used++;
    this.#edges = withRoom(this.#edges, at + 1);
    this.#children = withRoom(this.#children, at + 1);
    this.#before = withRoom(this.#before, at + 1);
    this.#edges[at] = edge;
    this.#children[at] = child;
    this.#before[at] = this.#last[slot]!;
    this.#last[slot] = at;
    this.#waiting++;
  }

  /** Gives each edge that waited for `id` to `visit`; it waits no longer. Whether there was any. */
  settle(id: Uint8Array, visit: (edge: number, child: number) => void): boolean {
    if (this.#waiting === 0) return false;
    const slot = this.#ids.find(id);
    if (slot === NO_SLOT || this.#last[slot] === NO_SLOT) return false;
    for (let at = this.#last[slot]!; at !== NO_SLOT; at = this.#before[at]!) {
      visit(this.#edges[at]!, this.#children[at]!);
      this.#waiting--;
    }
    this.#last[slot] = NO_SLOT;
    this.#settled++;
    if (this.#settled > SETTLED_MIN && this.#settled * 2 > this.#ids.size) this.#rebuild();
    return true;
  }

  /** Gives every edge that waits to `visit`, with the id it waits for, whose bytes are good until the next change. */
  each(visit: (parent: Uint8Array, edge: WaitingEdge) => void): void {
    for (let slot = 0; slot < this.#ids.size; slot++) {
      for (let at = this.#last[slot]!; at !== NO_SLOT; at = this.#before[at]!) {
        visit(this.#ids.view(slot), { edge: this.#edges[at]!, child: this.#children[at]! });
      }
    }
  }

  #rebuild(): void {
    const fresh = new MissingParents(this.#ids.seed);
    this.each((parent, edge) => fresh.wait(parent, 0, edge));
    this.#ids = fresh.#ids;
    [this.#last, this.#edges, this.#children, this.#before] = [
      fresh.#last,
      fresh.#edges,
      fresh.#children,
      fresh.#before,
    ];
    [this.#used, this.#settled] = [fresh.#used, 0];
  }
}
