import { later, type SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import { comparePlaces, placeBefore, type TimePlace } from "../core/order/time-place.ts";
import { SaltedSet } from "../core/salted-map.ts";
import type { Effect } from "./effect.ts";
import type { EventNamed } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { PullClaims } from "./pull-claims.ts";

interface Batch {
  readonly ids: readonly MessageId[];
  readonly tries: number;
  readonly askedMs: SteadyMs;
}

export interface PullOptions {
  readonly peer: PublicKey;
  readonly index: MessageIndex;
  readonly claims: PullClaims;
  readonly isSkipped: (id: MessageId) => boolean;
  /** Only what is as new is asked for, Unix milliseconds; 0: all of it. */
  readonly sinceMs: number;
  readonly nowMs: SteadyMs;
  readonly config: MachineConfig;
}

/**
 * One pull from one peer: pages through the ids it holds and fetches those we lack and nobody else is bringing. Memory
 * is bounded whatever the peer claims to hold. Its place is that of a reconciliation session.
 */
export class Pull {
  readonly peer: PublicKey;
  readonly #config: MachineConfig["pull"];
  readonly #frame: MachineConfig["frame"];
  readonly #index: MessageIndex;
  readonly #claims: PullClaims;
  readonly #isSkipped: (id: MessageId) => boolean;
  /** Lacked ids not asked for yet, in the order they were listed: parents mostly before children. */
  #waiting: MessageId[] = [];
  /** Ids that another member was being asked for when their turn came. */
  #elsewhere: MessageId[] = [];
  /** Not to be looked through before: each look is a look-up for every id. */
  #elsewhereMs = Number.NEGATIVE_INFINITY;
  /** Batches to fetch once more. */
  #again: Omit<Batch, "askedMs">[] = [];
  /** Ids waiting, elsewhere, in flight or to be fetched once more; a peer may list one twice. */
  readonly #pending = new SaltedSet<MessageId>();
  /** By first id, which no other batch in flight has. */
  readonly #inFlight = new Map<MessageId, Batch>();
  /** Ids of the next batch: what the peer delivers in about a second. */
  #batchIds: number;
  /** The next page comes after this place; `undefined`: from the beginning. */
  #after: TimePlace | undefined;
  #allListed = false;
  /** Ids of its pages that were here already. Nobody can list more of them than there are, unless it repeats itself. */
  #listedHere = 0;
  #pageAsked = false;
  /** A page named few ids and was not the last: an honest one is full. */
  #pagesAreShort = false;
  readonly #startedMs: SteadyMs;
  /** When its first fetch was whole. */
  #provenMs: SteadyMs | undefined;
  #pageMs: number;
  #storedMs: number;
  stored = 0;
  /** Ids the peer listed that could not be had. */
  missing = 0;
  /** It found few ids while messages are under way, and fetches none of them before. */
  heldUntilMs: number | undefined;

  constructor({ peer, index, claims, isSkipped, sinceMs, nowMs, config }: PullOptions) {
    this.#config = config.pull;
    this.#frame = config.frame;
    this.peer = peer;
    this.#index = index;
    this.#claims = claims;
    this.#isSkipped = isSkipped;
    this.#startedMs = nowMs;
    this.#pageMs = nowMs;
    this.#storedMs = nowMs;
    this.#batchIds = config.pull.fetchIds;
    if (sinceMs > 0) this.#after = placeBefore(BigInt(sinceMs));
  }

  /** Ids held in memory. */
  get pending(): number {
    return this.#pending.size;
  }

  get isOver(): boolean {
    return this.#allListed && !this.#pageAsked && this.pending === 0;
  }

  /**
   * When the peer last brought us further: a message, or a page of mostly ids that are here. Ids nobody can deliver
   * are none, however many follow.
   */
  get progressMs(): number {
    return Math.max(this.#pageMs, this.#storedMs);
  }

  /**
   * False once the peer is slow to deliver, so that others are asked beside it. What counts before its first fetch is
   * whole are pages, for a while; a message now and then does not, then or later: who names few ids at a time, or many
   * that cannot be had, or brings few in a second, may be as honest and on a slow line, and keeps nobody from starting.
   */
  keepsUp(nowMs: SteadyMs): boolean {
    if (this.heldUntilMs !== undefined && nowMs < this.heldUntilMs) return true;
    const isProven = this.#provenMs !== undefined;
    if (this.missing > this.stored || this.#pagesAreShort || this.#isSlow(nowMs)) return false;
    const listedMs = Math.min(this.#pageMs, this.#startedMs + this.#config.listingMs);
    if (nowMs - Math.max(listedMs, isProven ? this.#storedMs : listedMs) >= this.#config.keepsUpMs) return false;
    for (const { askedMs } of this.#inFlight.values()) if (nowMs - askedMs >= this.#config.claimMs) return false;
    return true;
  }

  #isSlow(nowMs: SteadyMs): boolean {
    const forMs = nowMs - (this.#provenMs ?? nowMs) - this.#config.claimMs;
    return this.stored < (forMs * this.#config.perSecondMin) / 1000;
  }

  /** Asks for whatever there is room for; with `fetch: false` for ids only. */
  advance(effects: Effect[], { fetch, nowMs }: { readonly fetch: boolean; readonly nowMs: SteadyMs }): void {
    const hasDelivered = this.stored > 0;
    const fetchesMax = hasDelivered ? this.#config.fetchesMax : Math.min(this.#config.fetchesMax, UNPROVEN_FETCHES_MAX);
    while (fetch && this.#inFlight.size < fetchesMax) {
      const batch = this.#nextBatch(nowMs);
      if (batch === undefined) break;
      this.#inFlight.set(batch.ids[0]!, { ...batch, askedMs: nowMs });
      const claimMs = hasDelivered ? this.#config.claimMs : this.#config.keepsUpMs;
      this.#claims.take(batch.ids, this.peer, later(nowMs, claimMs));
      effects.push({ kind: "fetch", from: this.peer, ids: batch.ids, via: "pull" });
    }
    const listedMax = this.#config.pendingMax - this.#frame.idsMax;
    const isFull = this.pending > (hasDelivered ? listedMax : Math.min(listedMax, UNPROVEN_PENDING_MAX));
    if (this.#allListed || this.#pageAsked || isFull) return;
    this.#pageAsked = true;
    effects.push({ kind: "ask_ids", to: this.peer, after: this.#after, limit: this.#frame.idsMax });
  }

  /** A page of ids. False when it is too long, repeats an id or does not bring us further: the peer is not worth asking on. */
  onPage({ ids, next }: EventNamed<"ids_page">, nowMs: SteadyMs): boolean {
    if (!this.#pageAsked) return true;
    this.#pageAsked = false;
    if (ids.length > this.#frame.idsMax || new SaltedSet(ids).size < ids.length) return false;
    if (next !== undefined) {
      if (ids.length === 0 || (this.#after !== undefined && comparePlaces(next, this.#after) <= 0)) return false;
      this.#after = next;
    }
    this.#allListed = next === undefined;
    const lacked = this.#index.unknown(ids);
    this.#listedHere += ids.length - lacked.length;
    const isLarge = this.#allListed || ids.length >= this.#config.pageProgressIds;
    if (!isLarge) this.#pagesAreShort = true;
    const isNew = this.#listedHere <= this.#index.size;
    if (isLarge && isNew && lacked.length <= ids.length / 2) this.#pageMs = nowMs;
    for (const id of lacked) {
      if (this.#isSkipped(id) || this.#pending.has(id)) continue;
      this.#pending.add(id);
      this.#waiting.push(id);
    }
    return true;
  }

  onFetched({ ids, stored }: EventNamed<"fetched">, nowMs: SteadyMs): void {
    this.stored += stored.length;
    if (stored.length > 0) {
      this.#storedMs = nowMs;
      this.#provenMs ??= nowMs;
    }
    const batch = this.#inFlight.get(ids[0]!);
    if (batch === undefined) return;
    this.#land(batch);
    const tookMs = nowMs - batch.askedMs;
    if (tookMs >= this.#config.claimMs) this.#batchIds = Math.max(1, Math.floor(this.#batchIds / 4));
    else if (tookMs < this.#config.claimMs / 2 && stored.length > 0) {
      this.#batchIds = Math.min(this.#config.fetchIds, this.#batchIds * 2);
    }
    const arrived = new SaltedSet(stored);
    this.missing += this.#index.unknown(batch.ids.filter((id) => !arrived.has(id))).length;
  }

  /** A fetch under way has brought some of its messages. */
  onStored(nowMs: SteadyMs): void {
    this.#storedMs = nowMs;
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

  /** The pull is given up: what is still to be had is missing, and may be asked of others at once. */
  abandon(): void {
    this.missing += this.#index.unknown([...this.#pending]).length;
    for (const { ids } of this.#inFlight.values()) this.#claims.release(ids, this.peer);
  }

  #land(batch: Batch): void {
    this.#inFlight.delete(batch.ids[0]!);
    this.#claims.release(batch.ids, this.peer);
    for (const id of batch.ids) this.#pending.delete(id);
  }

  #nextBatch(nowMs: SteadyMs): Omit<Batch, "askedMs"> | undefined {
    for (let again = this.#again.pop(); again !== undefined; again = this.#again.pop()) {
      const ids = this.#free(again.ids, nowMs);
      if (ids.length > 0) return { ids, tries: again.tries };
    }
    const ids: MessageId[] = [];
    while (ids.length < this.#batchIds && this.#waiting.length > 0) {
      ids.push(...this.#free(this.#waiting.splice(0, this.#batchIds - ids.length), nowMs));
    }
    if (ids.length === 0 && this.#elsewhere.length > 0 && nowMs >= this.#elsewhereMs) {
      this.#elsewhereMs = nowMs + this.#config.keepsUpMs;
      // Whoever was asked for them had its time.
      this.#waiting = this.#free(this.#elsewhere.splice(0), nowMs);
      ids.push(...this.#waiting.splice(0, this.#batchIds));
    }
    return ids.length === 0 ? undefined : { ids, tries: 1 };
  }

  /** Of `ids` those that are still lacked and that nobody else is bringing; the latter are kept for later. */
  #free(ids: readonly MessageId[], nowMs: SteadyMs): MessageId[] {
    // They may have come another way since they were listed.
    const lacked = this.#index.unknown(ids);
    for (const id of ids) this.#pending.delete(id);
    const free: MessageId[] = [];
    for (const id of lacked) {
      this.#pending.add(id);
      (this.#claims.isElsewhere(id, this.peer, nowMs) ? this.#elsewhere : free).push(id);
    }
    return free;
  }
}

/** Ours. Fetches in flight to a peer that has delivered nothing yet, and ids of it that wait before more are listed. */
const UNPROVEN_FETCHES_MAX = 1;
const UNPROVEN_PENDING_MAX = 1024;
