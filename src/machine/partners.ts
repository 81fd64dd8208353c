import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import type { KeySet } from "../core/salted-map.ts";
import type { Effect } from "./effect.ts";
import type { Event, EventNamed } from "./event.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { Random } from "./random.ts";
import { WakeUp } from "./wake-up.ts";

/**
 * To eager partners bodies are sent on, to lazy ones ids. In a small group all start lazy, because
 * authors push to everyone themselves; in a larger one all start eager and pruning leaves a tree.
 */
export type TreeLink = "eager" | "lazy";

interface Partner {
  link: TreeLink;
  /** We chose it, so it is not evicted to make room. */
  readonly chosen: boolean;
  heardMs: number;
  /** When `link` last changed. */
  linkedMs: number;
  /** Sends failed since it was last heard. */
  failures: number;
}

/** What the other stages read of the partners. None of them changes anything here. */
export interface PartnersView {
  readonly isSmall: boolean;
  /** A member other than ourselves. */
  isMember(peer: PublicKey): boolean;
  isConnected(peer: PublicKey): boolean;
  /** `undefined` for who is no partner. */
  link(peer: PublicKey): TreeLink | undefined;
  /** All partners, in the order they became one. */
  all(): PublicKey[];
}

/**
 * The bounded set of members this node trades messages with, and over which links, after HyParView's active view
 * (Leitão, Pereira, Rodrigues 2007, https://doi.org/10.1109/DSN.2007.56). Its passive view is
 * not needed: the roster names every member.
 *
 * The first stage of a group: it hears each event before the others, which only read what it holds.
 */
export class Partners implements PartnersView {
  readonly #config: MachineConfig["partners"];
  readonly #local: PublicKey;
  readonly #random: Random;
  #members: KeySet<PublicKey> = new Set();
  /** Members as a list to draw from; made anew when they change. */
  #order: readonly PublicKey[] = [];
  readonly #partners = new Map<PublicKey, Partner>();
  #chosen = 0;
  #exhaustedUntilMs = 0;
  #retryMs: number | undefined;
  /** Members not to be chosen before `untilMs`. Only members, so the roster bounds it. */
  readonly #down = new Map<PublicKey, { untilMs: number; failures: number }>();
  readonly #connected = new Set<PublicKey>();
  readonly #timer = new WakeUp("partners");

  constructor(options: { local: PublicKey; random: Random; config: MachineConfig }) {
    this.#config = options.config.partners;
    this.#local = options.local;
    this.#random = options.random;
  }

  get size(): number {
    return this.#partners.size;
  }

  /** Members other than ourselves. */
  get others(): number {
    return this.#order.length;
  }

  get isSmall(): boolean {
    return this.others <= this.#config.smallGroupOthersMax;
  }

  /** How many partners we look for ourselves. */
  get target(): number {
    return this.isSmall ? this.others : Math.ceil(Math.log2(this.others + 1) / 2) + 2;
  }

  /** Chosen by us or by the other side, never more than this. */
  get max(): number {
    return this.isSmall ? this.others : 2 * Math.ceil(Math.log2(this.others + 1)) + 8;
  }

  isMember(peer: PublicKey): boolean {
    return peer !== this.#local && this.#members.has(peer);
  }

  isConnected(peer: PublicKey): boolean {
    return this.#connected.has(peer);
  }

  isDown(peer: PublicKey, nowMs: SteadyMs): boolean {
    const down = this.#down.get(peer);
    return down !== undefined && down.untilMs > nowMs;
  }

  link(peer: PublicKey): TreeLink | undefined {
    return this.#partners.get(peer)?.link;
  }

  /** Eager partners. */
  get eager(): number {
    let count = 0;
    for (const { link } of this.#partners.values()) if (link === "eager") count += 1;
    return count;
  }

  all(): PublicKey[] {
    return [...this.#partners.keys()];
  }

  /** Who is a member, who is there, who has become a partner, and over which link. Frames of non-members are ignored. */
  handle(event: Event, nowMs: SteadyMs): void {
    switch (event.kind) {
      case "members":
        this.#setMembers(event.members);
        break;
      case "peer":
        if (event.connected) this.#connect(event.peer);
        else this.#lose(event.peer, nowMs);
        break;
      case "stored":
        this.#onStored(event, nowMs);
        break;
      case "announced":
      case "ihave":
        this.#hear(event.from);
        this.#accept(event.from, nowMs);
        break;
      case "graft":
        this.#hear(event.from);
        this.#accept(event.from, nowMs);
        if (event.ids.length > 0 || !this.isSmall) this.#setLink(event.from, "eager", nowMs);
        break;
      case "prune":
        this.#hear(event.from);
        this.#setLink(event.from, "lazy", nowMs);
        break;
      case "duplicate":
      case "fetched":
        this.#hear(event.from);
        break;
      case "failed":
        this.#onFailed(event, nowMs);
        break;
      case "timer":
        if (event.timer === "partners") this.#timer.fired(nowMs);
    }
  }

  /**
   * What Plumtree decided about links shows in what it sends: whom we graft is a partner and eager on our side
   * too, whom we prune is lazy. Then partners are chosen until there are enough: last, so that what an event spreads
   * goes to those who were partners when it came.
   */
  follow(sent: readonly Effect[], nowMs: SteadyMs): Effect[] {
    for (const effect of sent) {
      if (effect.kind === "graft") {
        this.#accept(effect.to, nowMs);
        this.#setLink(effect.to, "eager", nowMs);
      } else if (effect.kind === "prune") this.#setLink(effect.to, "lazy", nowMs);
    }
    const effects: Effect[] = [];
    this.#choose(nowMs, effects);
    // Nothing else may happen until then.
    if (this.#chosen < this.target && this.#retryMs !== undefined) this.#timer.by(this.#retryMs, nowMs, effects);
    return effects;
  }

  /** Drops everyone who is no member any more. */
  #setMembers(members: KeySet<PublicKey>): void {
    const wasSmall = this.isSmall;
    this.#members = members;
    this.#order = [...members].filter((member) => member !== this.#local);
    for (const peer of this.#partners.keys()) if (!members.has(peer)) this.#drop(peer);
    for (const peer of this.#down.keys()) if (!members.has(peer)) this.#down.delete(peer);
    for (const peer of this.#connected) if (!members.has(peer)) this.#connected.delete(peer);
    if (this.isSmall !== wasSmall) for (const partner of this.#partners.values()) partner.link = this.#firstLink;
    this.#exhaustedUntilMs = 0;
  }

  #connect(peer: PublicKey): void {
    if (!this.isMember(peer)) return;
    this.#connected.add(peer);
    this.#hear(peer);
  }

  /** Who brings something fresh is a partner. */
  #onStored({ apart = false, from, via }: EventNamed<"stored">, nowMs: SteadyMs): void {
    if (from === undefined) return;
    this.#hear(from);
    if (via === "pull" || apart) return;
    this.#accept(from, nowMs);
    // What comes over a link that has just become lazy was on its way before; later it shows that the other side is eager.
    const linkedMs = this.#partners.get(from)?.linkedMs ?? nowMs;
    if (!this.isSmall && nowMs - linkedMs >= this.#config.linkSettledMs) this.#setLink(from, "eager", nowMs);
  }

  #onFailed({ effect, failure }: EventNamed<"failed">, nowMs: SteadyMs): void {
    const peer = effect.kind === "fetch" ? effect.from : effect.to;
    if (failure === "refused") this.#hear(peer);
    else if (failure === "backoff") this.#lose(peer, nowMs);
    else this.#miss(peer, nowMs);
  }

  /** A member proved to be there: it sent something, or a connection was made. */
  #hear(peer: PublicKey): void {
    if (this.#down.delete(peer)) this.#exhaustedUntilMs = 0;
    const partner = this.#partners.get(peer);
    if (partner) partner.failures = 0;
  }

  /** A member trades messages with us: it becomes a partner, in place of the longest silent one if there is no room. */
  #accept(peer: PublicKey, nowMs: SteadyMs): void {
    if (!this.isMember(peer)) return;
    const partner = this.#partners.get(peer);
    if (partner) partner.heardMs = nowMs;
    else if (this.#partners.size < this.max || this.#evict()) this.#add(peer, false, nowMs);
  }

  /** Moves a partner to `link`; nothing for anyone else. */
  #setLink(peer: PublicKey, link: TreeLink, nowMs: SteadyMs): void {
    const partner = this.#partners.get(peer);
    if (partner === undefined || partner.link === link) return;
    partner.link = link;
    partner.linkedMs = nowMs;
  }

  /** A send came to nothing. Over a standing connection that may pass; otherwise the peer is lost. */
  #miss(peer: PublicKey, nowMs: SteadyMs): void {
    const partner = this.#partners.get(peer);
    if (partner && this.#connected.has(peer) && ++partner.failures < this.#config.failuresMax) return;
    this.#lose(peer, nowMs);
  }

  /** A member could not be reached: it is no partner and not chosen again for a while. */
  #lose(peer: PublicKey, nowMs: SteadyMs): void {
    if (!this.isMember(peer)) return;
    this.#drop(peer);
    this.#connected.delete(peer);
    this.#exhaustedUntilMs = 0;
    const failures = (this.#down.get(peer)?.failures ?? 0) + 1;
    const waitMs = Math.min(this.#config.downMaxMs, this.#config.downFirstMs * 2 ** Math.min(failures - 1, 16));
    this.#down.set(peer, { untilMs: nowMs + waitMs * (0.75 + this.#random.next() / 2), failures });
  }

  /** Chooses partners until there are enough or none is left to choose, and lets them know. */
  #choose(nowMs: SteadyMs, effects: Effect[]): void {
    if (nowMs < this.#exhaustedUntilMs) return;
    while (this.#chosen < this.target) {
      const peer = this.#draw(nowMs);
      if (peer === undefined || (this.#partners.size >= this.max && !this.#evict())) {
        this.#exhaust(nowMs);
        break;
      }
      this.#add(peer, true, nowMs);
      effects.push({ kind: "graft", to: peer, ids: [] });
    }
  }

  #exhaust(nowMs: SteadyMs): void {
    this.#retryMs = undefined;
    for (const { untilMs } of this.#down.values()) {
      if (untilMs > nowMs && untilMs < (this.#retryMs ?? Number.POSITIVE_INFINITY)) this.#retryMs = untilMs;
    }
    this.#exhaustedUntilMs = Math.min(nowMs + this.#config.exhaustedMs, this.#retryMs ?? Number.POSITIVE_INFINITY);
  }

  #draw(nowMs: SteadyMs): PublicKey | undefined {
    const isFree = (peer: PublicKey | undefined): peer is PublicKey =>
      peer !== undefined && !this.#partners.has(peer) && !this.isDown(peer, nowMs);
    // In a group where most are away, those who are connected would otherwise hardly ever be drawn.
    if (!this.isSmall && this.#connected.size > 0 && this.#random.chance(0.5)) {
      const peer = this.#random.pick([...this.#connected]);
      if (isFree(peer)) return peer;
    }
    for (let draw = 0; draw < this.#config.drawsMax && draw < this.#order.length; draw++) {
      const peer = this.#random.pick(this.#order);
      if (isFree(peer)) return peer;
    }
    const start = this.#random.between(0, this.#order.length);
    for (let i = 0; i < this.#order.length; i++) {
      const peer = this.#order[(start + i) % this.#order.length];
      if (isFree(peer)) return peer;
    }
    return undefined;
  }

  get #firstLink(): TreeLink {
    return this.isSmall ? "lazy" : "eager";
  }

  #evict(): boolean {
    let silent: PublicKey | undefined;
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const [peer, { chosen, heardMs }] of this.#partners) {
      if (chosen || heardMs >= sinceMs) continue;
      silent = peer;
      sinceMs = heardMs;
    }
    if (silent === undefined) return false;
    this.#drop(silent);
    return true;
  }

  #add(peer: PublicKey, chosen: boolean, heardMs: number): void {
    this.#partners.set(peer, { link: this.#firstLink, chosen, heardMs, linkedMs: heardMs, failures: 0 });
    if (chosen) this.#chosen += 1;
  }

  #drop(peer: PublicKey): void {
    if (this.#partners.get(peer)?.chosen) this.#chosen -= 1;
    this.#partners.delete(peer);
  }
}
