import { SaltedSet } from "./salted-map.ts";
/**
 * Ids by whose they are, of a table that has room for so many in all: who comes to a full one takes the place of the
 * oldest of whoever has most, while that is more than its own would be. So nobody fills what is there for all.
 */
export class FairShares<Owner, Id> {
  readonly #byOwner = new Map<Owner, SaltedSet<Id>>();

  /** How many are the owner's. */
  of(owner: Owner): number {
    return this.#byOwner.get(owner)?.size ?? 0;
  }

  add(owner: Owner, id: Id): void {
    const ids = this.#byOwner.get(owner) ?? new SaltedSet();
    this.#byOwner.set(owner, ids.add(id));
  }

  delete(owner: Owner, id: Id): void {
    const ids = this.#byOwner.get(owner);
    if (ids?.delete(id) && ids.size === 0) this.#byOwner.delete(owner);
  }

  clear(): void {
    this.#byOwner.clear();
  }

  /** What has to go so that `owner` may have one more in a full table; `undefined` when nobody has more than it would. */
  victimFor(owner: Owner): Id | undefined {
    let most: SaltedSet<Id> | undefined;
    for (const ids of this.#byOwner.values()) if (most === undefined || ids.size > most.size) most = ids;
    if (most === undefined || most.size <= this.of(owner) + 1) return undefined;
    const [oldest] = most;
    return oldest;
  }
}
