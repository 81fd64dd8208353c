import type { MessageId, PublicKey } from "../core/ids.ts";
import { CycleCut } from "./cycle-cut.ts";
import { type Effect, IDS_PER_FRAME_MAX } from "./effect.ts";
import type { Event, EventOf } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";
import { MissingIds } from "./missing-ids.ts";
import type { PartnersView } from "./partners.ts";
import type { Random } from "./random.ts";
import { WakeUp } from "./wake-up.ts";

/** Ours. Ids for one peer are gathered this long before an IHAVE is sent. */
export const IHAVE_BATCH_MS = 100;
/**
 * Ours (the original waits 3 s). How long after an IHAVE the body may still come by itself: in a small
 * group straight from its author, in a large one along the tree. There it is drawn between the two, because
 * all nodes behind a broken link miss the same body, and the first graft mends it for all of them.
 */
export const GRAFT_DELAY_SMALL_MS = 500;
export const GRAFT_DELAY_MS = [1_000, 4_000] as const;
/** Ours. How long a holder has to deliver before the next one is asked. */
export const GRAFT_RETRY_MS = 3000;
/** Ours. A fetch always ends in an event; past this it is taken for lost all the same. */
export const FETCH_LOST_MS = 120_000;
/** Ours. A holder that could not be reached is asked again, or the next one, after this. */
export const REASK_MS = 1000;
/** Ours. The table of missing ids is gone through at most this often by itself. */
const SWEEP_MS = 50;
/** Ours. Ids in one graft: each may bring back a whole message. */
export const GRAFT_IDS_MAX = 256;
/** Ours. A peer that goes on pushing what we hold is told to stop this often. */
export const PRUNE_REPEAT_MS = 1000;
/** Ours. Bodies pushed for one peer's grafts: at once, and refilled per second. Past it nothing is sent; comparison repairs. */
export const GRAFT_BURST = 1024;
export const GRAFT_PER_SECOND = 128;

/** Ours. Past it the oldest is forgotten, and those behind us on the tree graft it. */
const PULLED_MAX = 1024;
/** Ours. Messages whose first bringer is remembered; past it the oldest is forgotten and a late copy prunes its link. */
const BRINGERS_MAX = 1024;

interface Spreading {
  readonly ids: readonly MessageId[];
  readonly from: PublicKey | undefined;
  /** Peers known to hold an id. */
  readonly holders: ReadonlyMap<MessageId, readonly PublicKey[]>;
  readonly how: "author" | "relay" | "offer";
}

/**
 * Spreads fresh messages: epidemic broadcast trees (Leitão, Pereira, Rodrigues 2007,
 * https://doi.org/10.1109/SRDS.2007.27). One tree per group. See README.md for small groups.
 */
export class Plumtree {
  readonly #index: MessageIndex;
  readonly #partners: PartnersView;
  readonly #random: Random;
  /** True while someone else is fetching the id: not to be grafted meanwhile. */
  readonly #isBeingPulled: (id: MessageId) => boolean;
  readonly #missing = new MissingIds();
  /** Ids for the next IHAVE to each partner. */
  readonly #ihaves = new Map<PublicKey, Set<MessageId>>();
  /** Came by a pull while the tree may still be bringing them; oldest first. */
  readonly #pulled = new Set<MessageId>();
  /** Who brought each of the latest messages first. */
  readonly #bringers = new Map<MessageId, PublicKey>();
  readonly #cycleCut: CycleCut;
  readonly #prunedMs = new Map<PublicKey, number>();
  readonly #graftBudget = new Map<PublicKey, { tokens: number; atMs: number }>();
  readonly #ihaveTimer = new WakeUp("ihave");
  readonly #graftTimer = new WakeUp("graft");

  constructor(options: {
    index: MessageIndex;
    partners: PartnersView;
    random: Random;
    isBeingPulled: (id: MessageId) => boolean;
  }) {
    this.#random = options.random;
    this.#cycleCut = new CycleCut(options.random.fork());
    this.#index = options.index;
    this.#partners = options.partners;
    this.#isBeingPulled = options.isBeingPulled;
  }

  /** Ids waited for. */
  get missing(): number {
    return this.#missing.size;
  }

  /** Ids gathered for the next IHAVEs, over all peers. */
  get gathered(): number {
    let count = 0;
    for (const ids of this.#ihaves.values()) count += ids.size;
    return count;
  }

  /** Takes every event of the group and ignores those of others. Frames of non-members are ignored. */
  handle(event: Event, nowMs: number): Effect[] {
    const effects: Effect[] = [];
    switch (event.kind) {
      case "members":
        this.#onMembers(event.members);
        break;
      case "stored":
        this.#onStored(event, nowMs, effects);
        break;
      case "duplicate":
        this.#onDuplicate(event.from, event.ids, nowMs, effects);
        break;
      case "announced":
        this.#onAnnounced(event.from, event.ids, nowMs, effects);
        break;
      case "ihave":
        this.#onIHave(event.from, event.ids, nowMs, effects);
        break;
      case "graft":
        this.#onGraft(event.from, event.ids, nowMs, effects);
        break;
      case "fetched":
        if (event.via === "fetch") this.#onFetched(event, nowMs, effects);
        break;
      case "unknown_author":
        // It is here, in quarantine.
        this.#missing.delete(event.id);
        break;
      case "failed":
        this.#onFailed(event, nowMs, effects);
        break;
      case "timer":
        if (event.timer === "ihave") this.#flush(nowMs, effects);
        if (event.timer === "graft") this.#sweep(nowMs, effects);
    }
    return effects;
  }

  #onMembers(members: ReadonlySet<PublicKey>): void {
    this.#cycleCut.keepMembers(members);
    this.#missing.keepHolders((peer) => this.#partners.isMember(peer));
    for (const map of [this.#ihaves, this.#prunedMs, this.#graftBudget]) {
      for (const peer of map.keys()) if (!members.has(peer)) map.delete(peer);
    }
  }

  #onStored({ ids, from, via }: EventOf<"stored">, nowMs: number, effects: Effect[]): void {
    const holders = new Map<MessageId, readonly PublicKey[]>();
    for (const id of ids) {
      const named = this.#missing.holdersOf(id);
      if (named.length > 0) holders.set(id, named);
      this.#missing.delete(id);
    }
    this.#spread(
      { ids, from, holders, how: via === "pull" ? "offer" : via === "publish" ? "author" : "relay" },
      effects,
    );
    if (via !== "pull") this.#cycleCut.came(nowMs);
    if (via === "pull") this.#rememberPulled(ids);
    else if (from !== undefined) this.#rememberBringer(ids, from);
    if (this.#ihaves.size > 0) this.#ihaveTimer.by(nowMs + IHAVE_BATCH_MS, nowMs, effects);
  }

  /**
   * Sends `ids` on: bodies to eager partners, ids to lazy ones, in the same breath, so that a stalled peer delays
   * nobody. Peers that named an id hold it. Back-filled messages are only offered: nearly everyone holds
   * them and need not be sent a body to say so.
   */
  #spread({ ids, from, holders, how }: Spreading, effects: Effect[]): void {
    const isEverybodyEager = how === "author" && this.#partners.isSmall;
    for (const peer of this.#partners.all()) {
      if (peer === from) continue;
      const lacked = holders.size === 0 ? ids : ids.filter((id) => !holders.get(id)?.includes(peer));
      if (lacked.length === 0) continue;
      const isEager = isEverybodyEager || this.#partners.link(peer) === "eager";
      if (isEager && how !== "offer") effects.push({ kind: "push", to: peer, ids: lacked });
      else this.#gather(peer, lacked, effects);
    }
  }

  #rememberPulled(ids: readonly MessageId[]): void {
    for (const id of ids) this.#pulled.add(id);
    for (const id of this.#pulled) {
      if (this.#pulled.size <= PULLED_MAX) break;
      this.#pulled.delete(id);
    }
  }

  #rememberBringer(ids: readonly MessageId[], from: PublicKey): void {
    for (const id of ids) this.#bringers.set(id, from);
    for (const id of this.#bringers.keys()) {
      if (this.#bringers.size <= BRINGERS_MAX) break;
      this.#bringers.delete(id);
    }
  }

  /**
   * Bodies we held already. When only a pull was faster, the sender is on the tree all the same and those
   * behind us still wait for it; otherwise the link makes a cycle and is pruned. But only while the link that was
   * faster stands: messages under way together would each cut the cycle elsewhere, and the tree fall apart.
   */
  #onDuplicate(from: PublicKey, ids: readonly MessageId[], nowMs: number, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const early = ids.filter((id) => this.#pulled.delete(id));
    if (early.length > 0) {
      this.#spread({ ids: early, from, holders: new Map(), how: "relay" }, effects);
      return;
    }
    const isEager = this.#partners.link(from) === "eager";
    if (isEager && !this.#partners.isSmall) {
      if (!ids.some((id) => this.#isOtherBringerEager(id, from))) return;
      if (!this.#cycleCut.isDue(from, nowMs)) return;
    }
    if (!isEager && nowMs - (this.#prunedMs.get(from) ?? Number.NEGATIVE_INFINITY) < PRUNE_REPEAT_MS) return;
    this.#prunedMs.set(from, nowMs);
    effects.push({ kind: "prune", to: from });
  }

  /** True also when it is not known who was faster. */
  #isOtherBringerEager(id: MessageId, from: PublicKey): boolean {
    const bringer = this.#bringers.get(id);
    return bringer === undefined || (bringer !== from && this.#partners.link(bringer) === "eager");
  }

  #onAnnounced(from: PublicKey, ids: readonly MessageId[], nowMs: number, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const wanted: MessageId[] = [];
    for (const id of ids.slice(0, IDS_PER_FRAME_MAX)) {
      if (this.#index.knows(id)) continue;
      const isAwaited = this.#missing.isBeingFetched(id) || this.#isBeingPulled(id);
      if (!this.#missing.name(id, from, nowMs + GRAFT_RETRY_MS) || isAwaited) continue;
      this.#missing.asked(id, from, "fetch", nowMs + FETCH_LOST_MS);
      wanted.push(id);
    }
    if (this.#missing.size > 0) this.#graftTimer.by(nowMs + GRAFT_RETRY_MS, nowMs, effects);
    if (wanted.length > 0) effects.push({ kind: "fetch", from, ids: wanted, via: "fetch" });
    else if (ids.length > 0 && ids.every((id) => this.#index.knows(id))) this.#onDuplicate(from, ids, nowMs, effects);
  }

  /** A peer says it holds `ids`. Gives the push time to win before asking for a body. */
  #onIHave(from: PublicKey, ids: readonly MessageId[], nowMs: number, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const dueMs = nowMs + (this.#partners.isSmall ? GRAFT_DELAY_SMALL_MS : this.#random.between(...GRAFT_DELAY_MS));
    const gathered = this.#ihaves.get(from);
    for (const id of ids.slice(0, IDS_PER_FRAME_MAX)) {
      gathered?.delete(id);
      if (!this.#index.knows(id) && this.#missing.name(id, from, dueMs)) this.#graftTimer.by(dueMs, nowMs, effects);
    }
  }

  /** A peer asks for bodies. They go at once: no further round trip. */
  #onGraft(from: PublicKey, ids: readonly MessageId[], nowMs: number, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const held = ids.slice(0, GRAFT_IDS_MAX).filter((id) => this.#index.has(id));
    const granted = held.slice(0, this.#takeGraftBudget(from, held.length, nowMs));
    if (granted.length > 0) effects.push({ kind: "push", to: from, ids: granted });
  }

  #takeGraftBudget(peer: PublicKey, wanted: number, nowMs: number): number {
    const { tokens, atMs } = this.#graftBudget.get(peer) ?? { tokens: GRAFT_BURST, atMs: nowMs };
    const full = Math.min(GRAFT_BURST, tokens + ((nowMs - atMs) * GRAFT_PER_SECOND) / 1000);
    const granted = Math.min(wanted, Math.floor(full));
    this.#graftBudget.set(peer, { tokens: full - granted, atMs: nowMs });
    return granted;
  }

  #onFetched({ from, stored, unknown, refused }: EventOf<"fetched">, nowMs: number, effects: Effect[]): void {
    for (const id of stored) this.#missing.delete(id);
    for (const id of unknown) this.#missing.denied(id, from, nowMs);
    for (const id of refused) this.#missing.denied(id, from, nowMs);
    if (this.#missing.size > 0) this.#graftTimer.by(nowMs, nowMs, effects);
  }

  #onFailed({ effect }: EventOf<"failed">, nowMs: number, effects: Effect[]): void {
    const peer = effect.kind === "fetch" ? effect.from : effect.to;
    if (!this.#partners.isMember(peer)) return;
    if (effect.kind === "graft" || (effect.kind === "fetch" && effect.via === "fetch")) {
      const dueMs = nowMs + REASK_MS;
      for (const id of effect.ids) this.#missing.unreached(id, peer, dueMs);
      if (this.#missing.size > 0) this.#graftTimer.by(dueMs, nowMs, effects);
    }
  }

  #gather(peer: PublicKey, ids: readonly MessageId[], effects: Effect[]): void {
    const gathered = this.#ihaves.get(peer) ?? new Set();
    this.#ihaves.set(peer, gathered);
    for (const id of ids) {
      gathered.add(id);
      if (gathered.size < IDS_PER_FRAME_MAX) continue;
      effects.push({ kind: "ihave", to: peer, ids: [...gathered] });
      gathered.clear();
    }
  }

  #flush(nowMs: number, effects: Effect[]): void {
    this.#ihaveTimer.fired(nowMs);
    for (const [peer, ids] of this.#ihaves) {
      if (ids.size > 0 && this.#partners.link(peer)) effects.push({ kind: "ihave", to: peer, ids: [...ids] });
    }
    this.#ihaves.clear();
  }

  /** One graft for each id that is due, to one holder; the other holders wait for their turn. */
  #sweep(nowMs: number, effects: Effect[]): void {
    this.#graftTimer.fired(nowMs);
    const rank = (peer: PublicKey): number => (this.#partners.link(peer) === "eager" ? 1 : 0);
    for (const [holder, due] of this.#missing.due(nowMs, rank)) {
      const ids: MessageId[] = [];
      for (const id of due) {
        if (this.#index.knows(id)) this.#missing.delete(id);
        else if (this.#isBeingPulled(id)) this.#missing.postpone(id, nowMs + GRAFT_RETRY_MS);
        else {
          this.#missing.asked(id, holder, "graft", nowMs + GRAFT_RETRY_MS);
          ids.push(id);
        }
      }
      if (ids.length === 0) continue;
      for (let at = 0; at < ids.length; at += GRAFT_IDS_MAX) {
        effects.push({ kind: "graft", to: holder, ids: ids.slice(at, at + GRAFT_IDS_MAX) });
      }
    }
    const dueMs = this.#missing.nextDueMs();
    if (dueMs !== undefined) this.#graftTimer.by(Math.max(dueMs, nowMs + SWEEP_MS), nowMs, effects);
  }
}
