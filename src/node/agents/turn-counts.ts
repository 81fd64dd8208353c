import { BoundedMap } from "../../core/bounded-map.ts";
import type { GroupId, PublicKey } from "../../core/ids.ts";
import { TURNS_MAX } from "../operations/listen.ts";

/** How many turns each member caused in each moot since the start. */
export class TurnCounts {
  readonly #counts = new BoundedMap<
    string,
    { readonly groupId: GroupId; readonly author: PublicKey | undefined; readonly turns: number }
  >(TURNS_MAX);

  add(groupId: GroupId, author: PublicKey | undefined): void {
    const pair = groupId + (author ?? "");
    this.#counts.set(pair, { groupId, author, turns: (this.#counts.get(pair)?.turns ?? 0) + 1 });
  }

  /** The latest first. */
  all() {
    return Array.from(this.#counts, ([, count]) => count).reverse();
  }
}
