import type { SteadyMs } from "../core/clock.ts";
import { FairShares } from "../core/fair-shares.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import { SaltedMap, SaltedSet } from "../core/salted-map.ts";
import type { MachineConfig } from "./machine-config.ts";

interface Missing {
  /** Whom to ask, next one first. Never empty. */
  readonly holders: PublicKey[];
  readonly firstNamedBy: PublicKey;
  /** When to ask the next holder. */
  dueMs: number;
  asks: number;
  /** The last asking was a fetch, whose end is always told; from then on others may be asked beside it. */
  slowMs: number | undefined;
  /** It was not asked for since, for a pull may bring it. */
  isPostponed: boolean;
}

/** Ids that peers say they hold and we lack, with whom to ask for each. */
export class MissingIds {
  readonly #config: MachineConfig["missingIds"];
  readonly #missing = new SaltedMap<MessageId, Missing>();
  /** By who named each first. */
  readonly #shares = new FairShares<PublicKey, MessageId>();
  /** Asks in a row that came to nothing in time, by who was asked. Only holders, of whom members alone are kept. */
  readonly #unkept = new Map<PublicKey, number>();

  constructor(config: MachineConfig) {
    this.#config = config.missingIds;
  }

  get size(): number {
    return this.#missing.size;
  }

  has(id: MessageId): boolean {
    return this.#missing.has(id);
  }

  /** Who is known to hold a missing id. */
  holdersOf(id: MessageId): readonly PublicKey[] {
    return this.#missing.get(id)?.holders ?? [];
  }

  /** True while a fetch of the id is under way. A graft does not count: its answer may be no more than a name. */
  isBeingFetched(id: MessageId): boolean {
    return this.#missing.get(id)?.slowMs !== undefined;
  }

  /** `from` holds `id`, to be asked for at `dueMs` if it is not here by then. False when there is no room for more of it. */
  name(id: MessageId, from: PublicKey, dueMs: number): boolean {
    const missing = this.#missing.get(id);
    if (missing) {
      if (!missing.holders.includes(from)) this.#addHolder(missing, from);
      return true;
    }
    if (this.#shares.of(from) >= this.#config.perPeerMax) return false;
    if (this.#missing.size >= this.#config.idsMax) {
      const victim = this.#shares.victimFor(from);
      if (victim === undefined) return false;
      this.delete(victim);
    }
    this.#shares.add(from, id);
    this.#missing.set(id, {
      holders: [from],
      firstNamedBy: from,
      dueMs,
      asks: 0,
      slowMs: undefined,
      isPostponed: false,
    });
    return true;
  }

  /** `from` was asked for `id` just now; whoever is next may be asked at `dueMs`. */
  asked(id: MessageId, from: PublicKey, dueMs: number): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    missing.asks += 1;
    missing.isPostponed = false;
    missing.slowMs = undefined;
    missing.dueMs = dueMs;
    const at = missing.holders.indexOf(from);
    if (at >= 0) missing.holders.push(...missing.holders.splice(at, 1));
  }

  /** As `asked`, of a question whose end is told: at `slowMs` another holder may be asked beside `from`, at `lostMs` itself. */
  fetched(
    id: MessageId,
    from: PublicKey,
    { slowMs, lostMs }: { readonly slowMs: number; readonly lostMs: number },
  ): void {
    this.asked(id, from, lostMs);
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    missing.slowMs = slowMs;
    if (missing.holders.length > 1) missing.dueMs = slowMs;
  }

  /** `from` brought something it was asked for, or what nobody asked for. */
  delivered(from: PublicKey): void {
    this.#unkept.delete(from);
  }

  /** `from` could not be reached: the next holder may be asked at `dueMs`, or `from` again if it is the only one. */
  unreached(id: MessageId, from: PublicKey, dueMs: number): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    const at = missing.holders.indexOf(from);
    if (at >= 0 && missing.holders.length > 1) missing.holders.splice(at, 1);
    missing.slowMs = undefined;
    missing.dueMs = Math.min(missing.dueMs, dueMs);
  }

  /** `from` does not hold it after all, or holds something invalid: the next holder may be asked at once. */
  denied(id: MessageId, from: PublicKey, nowMs: SteadyMs): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    const at = missing.holders.indexOf(from);
    if (at >= 0) missing.holders.splice(at, 1);
    if (missing.holders.length === 0) this.delete(id);
    missing.slowMs = undefined;
    missing.dueMs = Math.min(missing.dueMs, nowMs);
  }

  postpone(id: MessageId, dueMs: number): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    missing.dueMs = dueMs;
    missing.isPostponed = true;
  }

  delete(id: MessageId): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    this.#missing.delete(id);
    this.#shares.delete(missing.firstNamedBy, id);
  }

  /** Forgets holders that `isMember` denies, and ids that nobody else holds. */
  keepHolders(isMember: (peer: PublicKey) => boolean): void {
    for (const peer of this.#unkept.keys()) if (!isMember(peer)) this.#unkept.delete(peer);
    for (const [id, { holders }] of this.#missing) {
      for (let i = holders.length - 1; i >= 0; i--) if (!isMember(holders[i]!)) holders.splice(i, 1);
      if (holders.length === 0) this.delete(id);
    }
  }

  /**
   * Whom to ask for what now: few holders, each for everything it holds, because each new link to ask over may
   * close a cycle. `rank` prefers holders (higher first); before it counts who brought what it was asked for. Ids asked
   * for too often are dropped instead.
   */
  due(nowMs: SteadyMs, rank: (peer: PublicKey) => number): Map<PublicKey, MessageId[]> {
    const due = new SaltedSet<MessageId>();
    const idle = new Set<PublicKey>();
    for (const [id, { dueMs, asks, holders, isPostponed }] of this.#missing) {
      if (dueMs > nowMs) continue;
      // Whoever was asked last stands last.
      if (asks > 0 && !isPostponed) idle.add(holders.at(-1)!);
      if (asks >= this.#config.asksMax) this.delete(id);
      else due.add(id);
    }
    for (const peer of idle) this.#unkept.set(peer, (this.#unkept.get(peer) ?? 0) + 1);
    const byHolder = new Map<PublicKey, MessageId[]>();
    while (due.size > 0) {
      const holder = this.#bestHolder(due, rank);
      const ids: MessageId[] = [];
      for (const [id, missing] of this.#missing) {
        if (!missing.holders.includes(holder)) continue;
        if (due.delete(id) || missing.asks === 0) ids.push(id);
      }
      byHolder.set(holder, [...(byHolder.get(holder) ?? []), ...ids]);
    }
    return byHolder;
  }

  /** Past the maximum in the place of who left most unkept, if it left more than `from`. */
  #addHolder(missing: Missing, from: PublicKey): void {
    const { holders } = missing;
    if (holders.length >= this.#config.holdersMax) {
      const unkept = (peer: PublicKey): number => this.#unkept.get(peer) ?? 0;
      const worst = holders.reduce((one, other) => (unkept(other) > unkept(one) ? other : one));
      if (unkept(worst) <= unkept(from)) return;
      holders.splice(holders.indexOf(worst), 1);
    }
    // Who was asked last stays last.
    if (missing.asks > 0) holders.splice(Math.max(0, holders.length - 1), 0, from);
    else holders.push(from);
    if (missing.slowMs !== undefined) missing.dueMs = Math.min(missing.dueMs, missing.slowMs);
  }

  /** The next holder of one of `due` that ranks highest, then is next for most of them. */
  #bestHolder(due: SaltedSet<MessageId>, rank: (peer: PublicKey) => number): PublicKey {
    const counts = new Map<PublicKey, number>();
    for (const id of due) {
      const { holders, asks } = this.#missing.get(id)!;
      // Who was asked last waits for its next turn.
      for (const holder of asks === 0 ? holders : holders.slice(0, Math.max(1, holders.length - 1))) {
        counts.set(holder, (counts.get(holder) ?? 0) + 1);
      }
    }
    let best: PublicKey | undefined;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const [holder, count] of counts) {
      const unkept = this.#unkept.get(holder) ?? 0;
      const score = (unkept > 0 ? -unkept : rank(holder)) * (due.size + 1) + count;
      if (score <= bestScore) continue;
      best = holder;
      bestScore = score;
    }
    return best!;
  }

  /** The earliest moment at which an id is due; `undefined` when none is waited for. */
  nextDueMs(): number | undefined {
    let nextMs: number | undefined;
    for (const { dueMs } of this.#missing.values()) if (nextMs === undefined || dueMs < nextMs) nextMs = dueMs;
    return nextMs;
  }
}
