import type { SteadyMs } from "../core/clock.ts";
import { ForksDigest, type PublicKey, RosterEntryId } from "../core/ids.ts";
import type { KeySet } from "../core/salted-map.ts";
import type { Effect } from "./effect.ts";
import type { Event, EventNamed } from "./event.ts";
import type { RosterView } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { PartnersView } from "./partners.ts";

interface RosterContact {
  askedMs: number;
  askedForksMs: number;
  pushedMs: number;
  badMs: number;
}

/**
 * Keeps the roster equal everywhere: heads are compared with every exchange of status, the shorter side
 * asks, the longer one tells, and a change made or learned is passed on. Only entries that were verified
 * and applied before ever show up here.
 */
export class RosterExchange {
  readonly #config: MachineConfig["rosterExchange"];
  readonly #roster: RosterView;
  readonly #partners: PartnersView;
  /** Only members and, until the next change, removed ones: bounded by the roster. */
  readonly #contacts = new Map<PublicKey, RosterContact>();
  #members: KeySet<PublicKey> = new Set();
  /** Left with the latest change. */
  #removed: readonly PublicKey[] = [];

  constructor(options: { roster: RosterView; partners: PartnersView; config: MachineConfig }) {
    this.#config = options.config.rosterExchange;
    this.#roster = options.roster;
    this.#partners = options.partners;
  }

  handle(event: Event, nowMs: SteadyMs): Effect[] {
    const effects: Effect[] = [];
    switch (event.kind) {
      case "members":
        this.#removed =
          event.members.size === 0 ? [] : [...this.#members].filter((member) => !event.members.has(member));
        this.#members = event.members;
        for (const [peer, contact] of this.#contacts) {
          if (!event.members.has(peer)) this.#contacts.delete(peer);
          // What its log was to ours is over.
          contact.badMs = Number.NEGATIVE_INFINITY;
        }
        break;
      case "status":
        this.#onStatus(event, nowMs, effects);
        break;
      case "roster":
        this.#onRoster(event, nowMs, effects);
        break;
      case "unknown_author":
        this.#ask(event.from, this.#config.askMs, nowMs, effects);
    }
    return effects;
  }

  /** True when `status` shows entries we lack, so that messages had better wait for the roster. */
  isBehind({ status }: EventNamed<"status">): boolean {
    const { roster_head: head, roster_length: length } = status;
    return head !== undefined && head !== this.#roster.head && (length ?? 0) > this.#roster.length;
  }

  #onStatus({ from, status }: EventNamed<"status">, nowMs: SteadyMs, effects: Effect[]): void {
    const { roster_forks: forks, roster_head: head, roster_length: length } = status;
    // Who knows of none asks us.
    const tells = forks !== undefined && forks !== ForksDigest.zero;
    if (tells && forks !== this.#roster.forks) this.#askForks(from, nowMs, effects);
    // Two sides of a fork that both know of it have nothing to tell each other until it is healed.
    if (forks === this.#roster.forks && this.#roster.isForked) return;
    if (head === undefined) this.#ask(from, this.#config.askBlindMs, nowMs, effects);
    else if (head === this.#roster.head) return;
    else if ((length ?? Number.POSITIVE_INFINITY) >= this.#roster.length || head === RosterEntryId.zero) {
      this.#ask(from, this.#config.askMs, nowMs, effects);
    } else this.#push(from, this.#config.pushMs, nowMs, effects);
  }

  #onRoster({ from, outcome }: EventNamed<"roster">, nowMs: SteadyMs, effects: Effect[]): void {
    if (from === undefined) {
      const peers = new Set(this.#partners.all());
      for (const peer of this.#members) {
        if (peers.size >= this.#config.pushPeersMax) break;
        if (this.#partners.isConnected(peer)) peers.add(peer);
      }
      for (const peer of peers) this.#push(peer, 0, nowMs, effects);
      // They are to know that they are out; nobody else tells them.
      for (const peer of this.#removed.slice(0, this.#config.pushPeersMax))
        effects.push({ kind: "push_roster", to: peer });
      return;
    }
    if (!this.#partners.isMember(from)) return;
    if (outcome === "extended") {
      for (const peer of this.#partners.all()) if (peer !== from) this.#push(peer, 0, nowMs, effects);
    } else if (outcome === "behind") this.#push(from, this.#config.pushMs, nowMs, effects);
    else if (outcome === "gap") this.#ask(from, this.#config.askMs, nowMs, effects);
    else if (outcome === "forked" || outcome === "rejected") {
      const contact = this.#contact(from);
      // Once is news; a peer that goes on sending it fills no log.
      const isNews = nowMs - contact.badMs >= this.#config.badMs;
      if (!isNews) return;
      contact.badMs = nowMs;
      effects.push({ kind: "report", report: { what: `roster_${outcome}`, peer: from } });
      if (outcome === "rejected" || this.#roster.forks === ForksDigest.zero) return;
      // Everybody is to stop at it, and to have the proof.
      for (const peer of this.#partners.all()) if (peer !== from) effects.push({ kind: "push_forks", to: peer });
    }
  }

  #ask(peer: PublicKey, everyMs: number, nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(peer)) return;
    const contact = this.#contact(peer);
    if (nowMs - contact.askedMs < everyMs || nowMs - contact.badMs < this.#config.badMs) return;
    contact.askedMs = nowMs;
    effects.push({ kind: "ask_roster", to: peer });
  }

  #askForks(peer: PublicKey, nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(peer)) return;
    const contact = this.#contact(peer);
    if (nowMs - contact.askedForksMs < this.#config.askMs) return;
    contact.askedForksMs = nowMs;
    effects.push({ kind: "ask_forks", to: peer });
  }

  #push(peer: PublicKey, everyMs: number, nowMs: SteadyMs, effects: Effect[]): void {
    if (!this.#partners.isMember(peer)) return;
    const contact = this.#contact(peer);
    if (nowMs - contact.pushedMs < everyMs) return;
    contact.pushedMs = nowMs;
    effects.push({ kind: "push_roster", to: peer });
    if (this.#roster.forks !== ForksDigest.zero) effects.push({ kind: "push_forks", to: peer });
  }

  #contact(peer: PublicKey): RosterContact {
    let contact = this.#contacts.get(peer);
    if (contact === undefined) {
      const never = Number.NEGATIVE_INFINITY;
      contact = { askedMs: never, askedForksMs: never, pushedMs: never, badMs: never };
      this.#contacts.set(peer, contact);
    }
    return contact;
  }
}
