import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import { comparePlaces, placeBefore, type TimePlace } from "../core/order/time-place.ts";
import type { Effect } from "./effect.ts";
import type { EventNamed } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";

interface Batch {
  readonly ids: readonly MessageId[];
  readonly tries: number;
}

/**
 * One pull from one peer: pages through the ids it holds and fetches those we lack. Memory is bounded
 * whatever the peer claims to hold. Its place is that of a reconciliation session.
 */
export class Pull {
  readonly peer: PublicKey;
  readonly #config: MachineConfig["pull"];
  readonly #frame: MachineConfig["frame"];
  readonly #index: MessageIndex;
  readonly #isSkipped: (id: MessageId) => boolean;
  /** Lacked ids not asked for yet, in the order they were listed: parents mostly before children. */
  #waiting: MessageId[] = [];
  /** Batches to fetch once more. */
  #again: Batch[] = [];
  /** Ids waiting, in flight or to be fetched once more; a peer may list one twice. */
  readonly #pending = new Set<MessageId>();
  /** By first id, which no other batch in flight has. */
  readonly #inFlight = new Map<MessageId, Batch>();
  readonly #inFlightIds = new Set<MessageId>();
  /** The next page comes after this place; `undefined`: from the beginning. */
  #after: TimePlace | undefined;
  #allListed = false;
  /** Ids of its pages that were here already. Nobody can list more of them than there are, unless it repeats itself. */
  #listedHere = 0;
  #pageAsked = false;
  stored = 0;
  /** Ids the peer listed that could not be had. */
  missing = 0;
  /**
   * When the peer last brought us further: a message, or a page of mostly ids that are here. Ids nobody can deliver
   * are none, however many follow, or one peer that makes them up would keep everyone else from being pulled from.
   */
  progressMs: number;

  constructor(options: {
    peer: PublicKey;
    index: MessageIndex;
    isSkipped: (id: MessageId) => boolean;
    /** Only what is as new is asked for, Unix milliseconds; 0: all of it. */
    sinceMs: number;
    nowMs: SteadyMs;
    config: MachineConfig;
  }) {
    this.#config = options.config.pull;
    this.#frame = options.config.frame;
    this.peer = options.peer;
    this.#index = options.index;
    this.#isSkipped = options.isSkipped;
    this.progressMs = options.nowMs;
    if (options.sinceMs > 0) this.#after = placeBefore(BigInt(options.sinceMs));
  }

  /** Ids held in memory. */
  get pending(): number {
    return this.#pending.size;
  }

  get isOver(): boolean {
    return this.#allListed && !this.#pageAsked && this.pending === 0;
  }

  isFetching(id: MessageId): boolean {
    return this.#inFlightIds.has(id);
  }

  /** Asks for whatever there is room for; with `fetch: false` for ids only. */
  advance(effects: Effect[], { fetch }: { readonly fetch: boolean }): void {
    while (fetch && this.#inFlight.size < this.#config.fetchesMax) {
      const batch = this.#again.pop() ?? this.#nextBatch();
      if (batch === undefined) break;
      this.#inFlight.set(batch.ids[0]!, batch);
      for (const id of batch.ids) this.#inFlightIds.add(id);
      effects.push({ kind: "fetch", from: this.peer, ids: batch.ids, via: "pull" });
    }
    if (this.#allListed || this.#pageAsked || this.pending > this.#config.pendingMax - this.#frame.idsMax) return;
    this.#pageAsked = true;
    effects.push({ kind: "ask_ids", to: this.peer, after: this.#after, limit: this.#frame.idsMax });
  }

  /** A page of ids. False when it is too long, repeats an id or does not bring us further: the peer is not worth asking on. */
  onPage({ ids, next }: EventNamed<"ids_page">, nowMs: SteadyMs): boolean {
    if (!this.#pageAsked) return true;
    this.#pageAsked = false;
    if (ids.length > this.#frame.idsMax || new Set(ids).size < ids.length) return false;
    if (next !== undefined) {
      if (ids.length === 0 || (this.#after !== undefined && comparePlaces(next, this.#after) <= 0)) return false;
      this.#after = next;
    }
    this.#allListed = next === undefined;
    const lacked = this.#index.unknown(ids);
    this.#listedHere += ids.length - lacked.length;
    const isLarge = this.#allListed || ids.length >= this.#config.pageProgressIds;
    const isNew = this.#listedHere <= this.#index.size;
    if (isLarge && isNew && lacked.length <= ids.length / 2) this.progressMs = nowMs;
    for (const id of lacked) {
      if (this.#isSkipped(id) || this.#pending.has(id)) continue;
      this.#pending.add(id);
      this.#waiting.push(id);
    }
    return true;
  }

  onFetched({ ids, stored }: EventNamed<"fetched">, nowMs: SteadyMs): void {
    this.stored += stored.length;
    if (stored.length > 0) this.progressMs = nowMs;
    const batch = this.#inFlight.get(ids[0]!);
    if (batch === undefined) return;
    this.#land(batch);
    const arrived = new Set(stored);
    this.missing += this.#index.unknown(batch.ids.filter((id) => !arrived.has(id))).length;
  }

  /** A fetch under way has brought some of its messages. */
  onStored(nowMs: SteadyMs): void {
    this.progressMs = nowMs;
  }

  /** A fetch came to nothing: tried once more, then its ids count as missing. */
  onFetchFailed(ids: readonly MessageId[]): void {
    const batch = this.#inFlight.get(ids[0]!);
    if (batch === undefined) return;
    this.#land(batch);
    const lacked = this.#index.unknown(batch.ids);
    if (lacked.length === 0) return;
    if (batch.tries < this.#config.fetchTries) {
      this.#again.push({ ids: lacked, tries: batch.tries + 1 });
      for (const id of lacked) this.#pending.add(id);
    } else this.missing += lacked.length;
  }

  /** What is still to be had when the pull is given up. */
  abandon(): void {
    this.missing += this.pending;
  }

  #land(batch: Batch): void {
    this.#inFlight.delete(batch.ids[0]!);
    for (const id of batch.ids) {
      this.#inFlightIds.delete(id);
      this.#pending.delete(id);
    }
  }

  #nextBatch(): Batch | undefined {
    const ids: MessageId[] = [];
    while (ids.length < this.#config.fetchIds && this.#waiting.length > 0) {
      const next = this.#waiting.splice(0, this.#config.fetchIds - ids.length);
      // They may have come another way since they were listed.
      const lacked = this.#index.unknown(next);
      for (const id of next) this.#pending.delete(id);
      for (const id of lacked) this.#pending.add(id);
      ids.push(...lacked);
    }
    return ids.length === 0 ? undefined : { ids, tries: 1 };
  }
}
