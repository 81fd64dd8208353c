import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import type { MachineConfig } from "./machine-config.ts";

interface Missing {
  /** Whom to ask, next one first. Never empty. */
  readonly holders: PublicKey[];
  readonly firstNamedBy: PublicKey;
  /** When to ask the next holder. */
  dueMs: number;
  asks: number;
  /** The last asking was a fetch, whose end is always told. */
  isFetched: boolean;
}

/** Ids that peers say they hold and we lack, with whom to ask for each. */
export class MissingIds {
  readonly #config: MachineConfig["missingIds"];
  readonly #missing = new Map<MessageId, Missing>();
  readonly #share = new Map<PublicKey, number>();

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
    return this.#missing.get(id)?.isFetched ?? false;
  }

  /** `from` holds `id`, to be asked for at `dueMs` if it is not here by then. False when the table is full. */
  name(id: MessageId, from: PublicKey, dueMs: number): boolean {
    const missing = this.#missing.get(id);
    if (missing) {
      if (missing.holders.length < this.#config.holdersMax && !missing.holders.includes(from))
        missing.holders.push(from);
      return true;
    }
    const share = this.#share.get(from) ?? 0;
    if (this.#missing.size >= this.#config.idsMax || share >= this.#config.perPeerMax) return false;
    this.#share.set(from, share + 1);
    this.#missing.set(id, { holders: [from], firstNamedBy: from, dueMs, asks: 0, isFetched: false });
    return true;
  }

  /** `from` was asked for `id` just now; whoever is next may be asked at `dueMs`. */
  asked(id: MessageId, from: PublicKey, how: "graft" | "fetch", dueMs: number): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    missing.asks += 1;
    missing.isFetched = how === "fetch";
    missing.dueMs = dueMs;
    const at = missing.holders.indexOf(from);
    if (at >= 0) missing.holders.push(...missing.holders.splice(at, 1));
  }

  /** `from` could not be reached: the next holder may be asked at `dueMs`, or `from` again if it is the only one. */
  unreached(id: MessageId, from: PublicKey, dueMs: number): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    const at = missing.holders.indexOf(from);
    if (at >= 0 && missing.holders.length > 1) missing.holders.splice(at, 1);
    missing.isFetched = false;
    missing.dueMs = Math.min(missing.dueMs, dueMs);
  }

  /** `from` does not hold it after all, or holds something invalid: the next holder may be asked at once. */
  denied(id: MessageId, from: PublicKey, nowMs: SteadyMs): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    const at = missing.holders.indexOf(from);
    if (at >= 0) missing.holders.splice(at, 1);
    if (missing.holders.length === 0) this.delete(id);
    missing.isFetched = false;
    missing.dueMs = Math.min(missing.dueMs, nowMs);
  }

  postpone(id: MessageId, dueMs: number): void {
    const missing = this.#missing.get(id);
    if (missing) missing.dueMs = dueMs;
  }

  delete(id: MessageId): void {
    const missing = this.#missing.get(id);
    if (missing === undefined) return;
    this.#missing.delete(id);
    const share = (this.#share.get(missing.firstNamedBy) ?? 1) - 1;
    if (share > 0) this.#share.set(missing.firstNamedBy, share);
    else this.#share.delete(missing.firstNamedBy);
  }

  /** Forgets holders that `isMember` denies, and ids that nobody else holds. */
  keepHolders(isMember: (peer: PublicKey) => boolean): void {
    for (const [id, { holders }] of this.#missing) {
      for (let i = holders.length - 1; i >= 0; i--) if (!isMember(holders[i]!)) holders.splice(i, 1);
      if (holders.length === 0) this.delete(id);
    }
  }

  /**
   * Whom to ask for what now: few holders, each for everything it holds, because each new link to ask over may
   * close a cycle. `rank` prefers holders (higher first). Ids asked for too often are dropped instead.
   */
  due(nowMs: SteadyMs, rank: (peer: PublicKey) => number): Map<PublicKey, MessageId[]> {
    const due = new Set<MessageId>();
    for (const [id, { dueMs, asks }] of this.#missing) {
      if (dueMs > nowMs) continue;
      if (asks >= this.#config.asksMax) this.delete(id);
      else due.add(id);
    }
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

  /** The next holder of one of `due` that ranks highest, then is next for most of them. */
  #bestHolder(due: ReadonlySet<MessageId>, rank: (peer: PublicKey) => number): PublicKey {
    const counts = new Map<PublicKey, number>();
    for (const id of due) {
      const { holders, asks } = this.#missing.get(id)!;
      // Once asked, holders take turns; before that any of them will do.
      for (const holder of asks === 0 ? holders : holders.slice(0, 1)) {
        counts.set(holder, (counts.get(holder) ?? 0) + 1);
      }
    }
    let best: PublicKey | undefined;
    let bestScore = -1;
    for (const [holder, count] of counts) {
      const score = rank(holder) * (due.size + 1) + count;
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
