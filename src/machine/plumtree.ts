import { BoundedMap } from "../core/bounded-map.ts";
import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import { type KeySet, SaltedSet } from "../core/salted-map.ts";
import { CycleCut } from "./cycle-cut.ts";
import type { Effect } from "./effect.ts";
import type { Event, EventNamed } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";
import { MissingIds } from "./missing-ids.ts";
import type { PartnersView } from "./partners.ts";
import type { Random } from "./random.ts";
import { WakeUp } from "./wake-up.ts";

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
  readonly #config: MachineConfig["plumtree"];
  readonly #frame: MachineConfig["frame"];
  readonly #index: MessageIndex;
  readonly #partners: PartnersView;
  readonly #random: Random;
  /** True while someone else is fetching the id: not to be grafted meanwhile. */
  readonly #isBeingPulled: (id: MessageId, nowMs: SteadyMs) => boolean;
  readonly #missing: MissingIds;
  /** Ids for the next IHAVE to each partner. */
  readonly #ihaves = new Map<PublicKey, SaltedSet<MessageId>>();
  /** Came by a pull while the tree may still be bringing them. */
  readonly #pulled: BoundedMap<MessageId, true>;
  /** Who brought each of the latest messages first. */
  readonly #bringers: BoundedMap<MessageId, PublicKey>;
  readonly #cycleCut: CycleCut;
  readonly #prunedMs = new Map<PublicKey, number>();
  readonly #graftBudget = new Map<PublicKey, { tokens: number; atMs: number }>();
  readonly #ihaveTimer = new WakeUp("ihave");
  readonly #graftTimer = new WakeUp("graft");

  constructor(options: {
    index: MessageIndex;
    partners: PartnersView;
    random: Random;
    isBeingPulled: (id: MessageId, nowMs: SteadyMs) => boolean;
    config: MachineConfig;
  }) {
    const { config } = options;
    this.#config = config.plumtree;
    this.#frame = config.frame;
    this.#missing = new MissingIds(config);
    this.#pulled = new BoundedMap(this.#config.pulledMax);
    this.#bringers = new BoundedMap(this.#config.bringersMax);
    this.#random = options.random;
    this.#cycleCut = new CycleCut({ random: options.random.fork(), config });
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
  handle(event: Event, nowMs: SteadyMs): Effect[] {
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

  #onMembers(members: KeySet<PublicKey>): void {
    this.#cycleCut.keepMembers(members);
    this.#missing.keepHolders((peer) => this.#partners.isMember(peer));
    for (const map of [this.#ihaves, this.#prunedMs, this.#graftBudget]) {
      for (const peer of map.keys()) if (!members.has(peer)) map.delete(peer);
    }
  }

  #onStored({ apart = false, ids, from, via }: EventNamed<"stored">, nowMs: SteadyMs, effects: Effect[]): void {
    if (from !== undefined) this.#missing.delivered(from);
    if (apart) {
      for (const id of ids) this.#missing.delete(id);
      return;
    }
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
    for (const id of ids) {
      if (via === "pull") this.#pulled.set(id, true);
      else if (from !== undefined) this.#bringers.set(id, from);
    }
    if (this.#ihaves.size > 0) this.#ihaveTimer.by(nowMs + this.#config.ihaveBatchMs, nowMs, effects);
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

  /**
   * Bodies we held already. When only a pull was faster, the sender is on the tree all the same and those
   * behind us still wait for it; otherwise the link makes a cycle and is pruned. But only while the link that was
   * faster stands: messages under way together would each cut the cycle elsewhere, and the tree fall apart.
   */
  #onDuplicate(from: PublicKey, ids: readonly MessageId[], nowMs: SteadyMs, effects: Effect[]): void {
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
    if (!isEager && nowMs - (this.#prunedMs.get(from) ?? Number.NEGATIVE_INFINITY) < this.#config.pruneRepeatMs) return;
    this.#prunedMs.set(from, nowMs);
    effects.push({ kind: "prune", to: from });
  }

  /** True also when it is not known who was faster. */
  #isOtherBringerEager(id: MessageId, from: PublicKey): boolean {
    const bringer = this.#bringers.get(id);
    return bringer === undefined || (bringer !== from && this.#partners.link(bringer) === "eager");
  }

  #onAnnounced(from: PublicKey, ids: readonly MessageId[], nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const wanted: MessageId[] = [];
    const unknown = this.#index.unknown(ids.slice(0, this.#frame.idsMax));
    for (const id of unknown) {
      const isAwaited = this.#missing.isBeingFetched(id) || this.#isBeingPulled(id, nowMs);
      if (!this.#missing.name(id, from, nowMs + this.#config.graftRetryMs) || isAwaited) continue;
      this.#missing.fetched(id, from, {
        slowMs: nowMs + this.#config.fetchSlowMs,
        lostMs: nowMs + this.#config.fetchLostMs,
      });
      wanted.push(id);
    }
    if (this.#missing.size > 0) this.#graftTimer.by(nowMs + this.#config.graftRetryMs, nowMs, effects);
    if (wanted.length > 0) effects.push({ kind: "fetch", from, ids: wanted, via: "fetch" });
    else if (ids.length > 0 && unknown.length === 0) this.#onDuplicate(from, ids, nowMs, effects);
  }

  /** A peer says it holds `ids`. Gives the push time to win before asking for a body. */
  #onIHave(from: PublicKey, ids: readonly MessageId[], nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const { graftDelayMs, graftDelaySmallMs } = this.#config;
    const dueMs = nowMs + (this.#partners.isSmall ? graftDelaySmallMs : this.#random.between(...graftDelayMs));
    const gathered = this.#ihaves.get(from);
    const named = ids.slice(0, this.#frame.idsMax);
    for (const id of named) gathered?.delete(id);
    for (const id of this.#index.unknown(named)) {
      if (this.#missing.name(id, from, dueMs)) this.#graftTimer.by(dueMs, nowMs, effects);
    }
  }

  /** A peer asks for bodies. They go at once: no further round trip. */
  #onGraft(from: PublicKey, ids: readonly MessageId[], nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(from)) return;
    const held = ids.slice(0, this.#config.graftIdsMax).filter((id) => this.#index.has(id));
    const granted = held.slice(0, this.#spendGraftBudget(from, held.length, nowMs));
    if (granted.length > 0) effects.push({ kind: "push", to: from, ids: granted });
  }

  #spendGraftBudget(peer: PublicKey, wanted: number, nowMs: SteadyMs): number {
    const { graftBurst, graftPerSecond } = this.#config;
    const { tokens, atMs } = this.#graftBudget.get(peer) ?? { tokens: graftBurst, atMs: nowMs };
    const full = Math.min(graftBurst, tokens + ((nowMs - atMs) * graftPerSecond) / 1000);
    const granted = Math.min(wanted, Math.floor(full));
    this.#graftBudget.set(peer, { tokens: full - granted, atMs: nowMs });
    return granted;
  }

  #onFetched({ from, stored, unknown, refused }: EventNamed<"fetched">, nowMs: SteadyMs, effects: Effect[]): void {
    for (const id of stored) this.#missing.delete(id);
    for (const id of unknown) this.#missing.denied(id, from, nowMs);
    for (const id of refused) this.#missing.denied(id, from, nowMs);
    if (this.#missing.size > 0) this.#graftTimer.by(nowMs, nowMs, effects);
  }

  #onFailed({ effect }: EventNamed<"failed">, nowMs: SteadyMs, effects: Effect[]): void {
    const peer = effect.kind === "fetch" ? effect.from : effect.to;
    if (!this.#partners.isMember(peer)) return;
    if (effect.kind === "graft" || (effect.kind === "fetch" && effect.via === "fetch")) {
      const dueMs = nowMs + this.#config.reaskMs;
      for (const id of effect.ids) this.#missing.unreached(id, peer, dueMs);
      if (this.#missing.size > 0) this.#graftTimer.by(dueMs, nowMs, effects);
    }
  }

  #gather(peer: PublicKey, ids: readonly MessageId[], effects: Effect[]): void {
    const gathered = this.#ihaves.get(peer) ?? new SaltedSet();
    this.#ihaves.set(peer, gathered);
    for (const id of ids) {
      gathered.add(id);
      if (gathered.size < this.#frame.idsMax) continue;
      effects.push({ kind: "ihave", to: peer, ids: [...gathered] });
      gathered.clear();
    }
  }

  #flush(nowMs: SteadyMs, effects: Effect[]): void {
    this.#ihaveTimer.fired(nowMs);
    for (const [peer, ids] of this.#ihaves) {
      if (ids.size > 0 && this.#partners.link(peer)) effects.push({ kind: "ihave", to: peer, ids: [...ids] });
    }
    this.#ihaves.clear();
  }

  /** One graft for each id that is due, to one holder; the other holders wait for their turn. */
  #sweep(nowMs: SteadyMs, effects: Effect[]): void {
    this.#graftTimer.fired(nowMs);
    const rank = (peer: PublicKey): number => (this.#partners.link(peer) === "eager" ? 1 : 0);
    for (const [holder, due] of this.#missing.due(nowMs, rank)) {
      const ids: MessageId[] = [];
      const unknown = new SaltedSet(this.#index.unknown(due));
      for (const id of due) {
        if (!unknown.has(id)) this.#missing.delete(id);
        else if (this.#isBeingPulled(id, nowMs)) this.#missing.postpone(id, nowMs + this.#config.graftRetryMs);
        else {
          this.#missing.asked(id, holder, nowMs + this.#config.graftRetryMs);
          ids.push(id);
        }
      }
      if (ids.length === 0) continue;
      for (let at = 0; at < ids.length; at += this.#config.graftIdsMax) {
        effects.push({ kind: "graft", to: holder, ids: ids.slice(at, at + this.#config.graftIdsMax) });
      }
    }
    const dueMs = this.#missing.nextDueMs();
    if (dueMs !== undefined) this.#graftTimer.by(Math.max(dueMs, nowMs + this.#config.sweepMs), nowMs, effects);
  }
}
