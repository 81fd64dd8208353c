import { type PublicKey, RosterEntryId } from "../core/ids.ts";
import type { Effect } from "./effect.ts";
import type { Event, EventOf } from "./event.ts";
import type { RosterView } from "./group-view.ts";
import type { PartnersView } from "./partners.ts";

/** Ours. One peer is asked for its roster no more often than this. */
export const ROSTER_ASK_MS = 5_000;
/** Ours. A peer that cannot say its roster head is asked for the whole log this often. */
export const ROSTER_ASK_BLIND_MS = 600_000;
/** Ours. A peer that sent a broken or forked log is left alone this long. */
export const ROSTER_BAD_MS = 600_000;
/** Ours. A peer that stays behind is told of our roster no more often than this. */
export const ROSTER_PUSH_MS = 30_000;
/** Ours. Peers told at once of a change made here; the others hear of it from them. */
export const ROSTER_PUSH_PEERS_MAX = 64;

interface Exchange {
  askedMs: number;
  pushedMs: number;
  badMs: number;
}

/**
 * Keeps the roster equal everywhere: heads are compared with every exchange of status, the shorter side
 * asks, the longer one tells, and a change made or learned is passed on. Only entries that were verified
 * and applied before ever show up here.
 */
export class RosterSync {
  readonly #roster: RosterView;
  readonly #partners: PartnersView;
  /** Only members and, until the next change, removed ones: bounded by the roster. */
  readonly #exchanges = new Map<PublicKey, Exchange>();
  #members: ReadonlySet<PublicKey> = new Set();
  /** Left with the latest change. */
  #removed: readonly PublicKey[] = [];

  constructor(options: { roster: RosterView; partners: PartnersView }) {
    this.#roster = options.roster;
    this.#partners = options.partners;
  }

  handle(event: Event, nowMs: number): Effect[] {
    const effects: Effect[] = [];
    switch (event.kind) {
      case "members":
        this.#removed =
          event.members.size === 0 ? [] : [...this.#members].filter((member) => !event.members.has(member));
        this.#members = event.members;
        for (const peer of this.#exchanges.keys()) if (!event.members.has(peer)) this.#exchanges.delete(peer);
        break;
      case "status":
        this.#onStatus(event, nowMs, effects);
        break;
      case "roster":
        this.#onRoster(event, nowMs, effects);
        break;
      case "unknown_author":
        this.#ask(event.from, ROSTER_ASK_MS, nowMs, effects);
    }
    return effects;
  }

  /** True when `status` shows entries we lack, so that messages had better wait for the roster. */
  isBehind({ status }: EventOf<"status">): boolean {
    const { roster_head: head, roster_length: length } = status;
    return head !== undefined && head !== this.#roster.head && (length ?? 0) > this.#roster.length;
  }

  #onStatus({ from, status }: EventOf<"status">, nowMs: number, effects: Effect[]): void {
    const { roster_head: head, roster_length: length } = status;
    if (head === undefined) this.#ask(from, ROSTER_ASK_BLIND_MS, nowMs, effects);
    else if (head === this.#roster.head) return;
    else if ((length ?? Number.POSITIVE_INFINITY) >= this.#roster.length || head === RosterEntryId.zero) {
      this.#ask(from, ROSTER_ASK_MS, nowMs, effects);
    } else this.#push(from, ROSTER_PUSH_MS, nowMs, effects);
  }

  #onRoster({ from, outcome }: EventOf<"roster">, nowMs: number, effects: Effect[]): void {
    if (from === undefined) {
      const peers = new Set(this.#partners.all());
      for (const peer of this.#members) {
        if (peers.size >= ROSTER_PUSH_PEERS_MAX) break;
        if (this.#partners.isConnected(peer)) peers.add(peer);
      }
      for (const peer of peers) this.#push(peer, 0, nowMs, effects);
      // They are to know that they are out; nobody else tells them.
      for (const peer of this.#removed.slice(0, ROSTER_PUSH_PEERS_MAX)) effects.push({ kind: "push_roster", to: peer });
      return;
    }
    if (!this.#partners.isMember(from)) return;
    if (outcome === "extended") {
      for (const peer of this.#partners.all()) if (peer !== from) this.#push(peer, 0, nowMs, effects);
    } else if (outcome === "behind") this.#push(from, ROSTER_PUSH_MS, nowMs, effects);
    else if (outcome === "gap") this.#ask(from, ROSTER_ASK_MS, nowMs, effects);
    else if (outcome === "forked" || outcome === "rejected") {
      const exchange = this.#exchange(from);
      // Once is news; a peer that goes on sending it fills no log.
      const isNews = nowMs - exchange.badMs >= ROSTER_BAD_MS;
      if (!isNews) return;
      exchange.badMs = nowMs;
      effects.push({ kind: "report", report: { what: `roster_${outcome}`, peer: from } });
    }
  }

  #ask(peer: PublicKey, everyMs: number, nowMs: number, effects: Effect[]): void {
    if (!this.#partners.isMember(peer)) return;
    const exchange = this.#exchange(peer);
    if (nowMs - exchange.askedMs < everyMs || nowMs - exchange.badMs < ROSTER_BAD_MS) return;
    exchange.askedMs = nowMs;
    effects.push({ kind: "ask_roster", to: peer });
  }

  #push(peer: PublicKey, everyMs: number, nowMs: number, effects: Effect[]): void {
    if (!this.#partners.isMember(peer)) return;
    const exchange = this.#exchange(peer);
    if (nowMs - exchange.pushedMs < everyMs) return;
    exchange.pushedMs = nowMs;
    effects.push({ kind: "push_roster", to: peer });
  }

  #exchange(peer: PublicKey): Exchange {
    let exchange = this.#exchanges.get(peer);
    if (exchange === undefined) {
      const never = Number.NEGATIVE_INFINITY;
      exchange = { askedMs: never, pushedMs: never, badMs: never };
      this.#exchanges.set(peer, exchange);
    }
    return exchange;
  }
}
