import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import { SaltedMap } from "../core/salted-map.ts";
import type { Effect, HeldMessage } from "./effect.ts";
import type { Event } from "./event.ts";
import type { RosterView } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";
import { WakeUp } from "./wake-up.ts";

interface Quarantined extends HeldMessage {
  readonly sinceMs: number;
}

interface Share {
  count: number;
  bytes: number;
}

/** Messages whose author is not in our roster yet. Neither shown, nor relayed, nor counted until the roster names the author. */
export class Quarantine {
  readonly #config: MachineConfig["quarantine"];
  readonly #roster: RosterView;
  /** Oldest first. */
  readonly #held = new SaltedMap<MessageId, Quarantined>();
  readonly #shares = new Map<PublicKey, Share>();
  readonly #timer = new WakeUp("quarantine");
  #bytes = 0;

  constructor({ roster, config }: { roster: RosterView; config: MachineConfig }) {
    this.#config = config.quarantine;
    this.#roster = roster;
  }

  get size(): number {
    return this.#held.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  handle(event: Event, nowMs: SteadyMs): Effect[] {
    const effects: Effect[] = [];
    switch (event.kind) {
      case "unknown_author":
        this.#hold({ ...event, sinceMs: nowMs }, nowMs, effects);
        break;
      case "members":
        this.#release(effects);
        break;
      case "stored":
        for (const id of event.ids) this.#drop(id);
        break;
      case "timer":
        if (event.timer === "quarantine") this.#expire(nowMs, effects);
    }
    return effects;
  }

  #hold(message: Quarantined, nowMs: SteadyMs, effects: Effect[]): void {
    const { id, from, author, canonical, sinceMs } = message;
    if (this.#held.has(id)) return;
    if (canonical.length > this.#config.senderBytesMax) {
      effects.push(dropped(id, "full"));
      return;
    }
    this.#held.set(id, { id, from, author, canonical, sinceMs });
    this.#count(from, 1, canonical.length);
    const isSendersOver = (): boolean => {
      const share = this.#shares.get(from);
      return (
        share !== undefined && (share.count > this.#config.senderCountMax || share.bytes > this.#config.senderBytesMax)
      );
    };
    while (isSendersOver()) this.#dropOldestOf(from, effects);
    // Who fills it makes room, not who came first.
    while (this.#held.size > this.#config.countMax || this.#bytes > this.#config.bytesMax) {
      this.#dropOldestOf(this.#greatestSender(), effects);
    }
    this.#timer.by(nowMs + this.#config.heldMs, nowMs, effects);
  }

  #dropOldestOf(sender: PublicKey, effects: Effect[]): void {
    const oldest = this.#held.values().find((held) => held.from === sender);
    if (oldest !== undefined) this.#dropFull(oldest.id, effects);
  }

  #greatestSender(): PublicKey {
    const { bytesMax, countMax } = this.#config;
    const part = ({ bytes, count }: Share): number => Math.max(bytes / bytesMax, count / countMax);
    return [...this.#shares].reduce((one, other) => (part(other[1]) > part(one[1]) ? other : one))[0];
  }

  #release(effects: Effect[]): void {
    const messages: HeldMessage[] = [];
    for (const { id, from, author, canonical } of this.#held.values()) {
      if (!this.#roster.knowsAuthor(author)) continue;
      this.#drop(id);
      messages.push({ id, from, author, canonical });
    }
    if (messages.length > 0) effects.push({ kind: "recheck", messages });
  }

  #expire(nowMs: SteadyMs, effects: Effect[]): void {
    this.#timer.fired(nowMs);
    for (const { id, sinceMs } of this.#held.values()) {
      if (nowMs - sinceMs < this.#config.heldMs) {
        this.#timer.by(sinceMs + this.#config.heldMs, nowMs, effects);
        return;
      }
      this.#drop(id);
      effects.push(dropped(id, "expired"));
    }
  }

  #dropFull(id: MessageId, effects: Effect[]): void {
    this.#drop(id);
    effects.push(dropped(id, "full"));
  }

  #drop(id: MessageId): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#count(held.from, -1, -held.canonical.length);
  }

  #count(from: PublicKey, count: number, bytes: number): void {
    this.#bytes += bytes;
    const share = this.#shares.get(from) ?? { count: 0, bytes: 0 };
    share.count += count;
    share.bytes += bytes;
    if (share.count === 0) this.#shares.delete(from);
    else this.#shares.set(from, share);
  }
}

function dropped(id: MessageId, reason: "expired" | "full"): Effect {
  return { kind: "report", report: { what: "quarantine_dropped", id, reason } };
}
