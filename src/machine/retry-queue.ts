import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import { SaltedMap } from "../core/salted-map.ts";
import type { Effect, SendEffect } from "./effect.ts";
import type { Event, EventNamed } from "./event.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { PartnersView } from "./partners.ts";
import type { Random } from "./random.ts";
import { WakeUp } from "./wake-up.ts";

type RetriedKind = "push" | "ihave" | "push_roster";

interface Retry {
  readonly kind: RetriedKind;
  readonly to: PublicKey;
  /** `undefined` for the roster, which is one per peer. */
  readonly id: MessageId | undefined;
  /** Sends that failed. */
  failures: number;
  delayMs: number;
  /** When to send again; while a send is under way, when to take it for arrived. */
  dueMs: number;
  isUnderWay: boolean;
}

/**
 * Sends that failed, tried again later. Grafts and fetches are not here: they go to the next holder.
 * A refusal by the dial back-off is no attempt, or ten attempts could pass without one dial.
 */
export class RetryQueue {
  readonly #config: MachineConfig["retryQueue"];
  readonly #random: Random;
  readonly #partners: Pick<PartnersView, "isMember" | "isSmall">;
  readonly #retries = new SaltedMap<string, Retry>();
  readonly #timer = new WakeUp("retry");

  constructor(options: {
    random: Random;
    partners: Pick<PartnersView, "isMember" | "isSmall">;
    config: MachineConfig;
  }) {
    this.#config = options.config.retryQueue;
    this.#random = options.random;
    this.#partners = options.partners;
  }

  get size(): number {
    return this.#retries.size;
  }

  handle(event: Event, nowMs: SteadyMs): Effect[] {
    const effects: Effect[] = [];
    if (event.kind === "failed") this.#onFailed(event, nowMs, effects);
    else if (event.kind === "timer" && event.timer === "retry") this.#onTimer(nowMs, effects);
    else if (event.kind === "members") {
      for (const [key, { to }] of this.#retries) if (!event.members.has(to)) this.#retries.delete(key);
    }
    return effects;
  }

  #onFailed({ effect, failure }: EventNamed<"failed">, nowMs: SteadyMs, effects: Effect[]): void {
    if (effect.kind !== "push" && effect.kind !== "ihave" && effect.kind !== "push_roster") return;
    if (!this.#partners.isMember(effect.to)) return;
    const ids = effect.kind === "push_roster" ? [undefined] : effect.ids;
    const exhausted: MessageId[] = [];
    let isExhausted = false;
    for (const id of ids) {
      // In a large group others reach the peer too, so a body that failed is only offered again.
      const kind = effect.kind === "push" && !this.#partners.isSmall ? "ihave" : effect.kind;
      const key = `${kind} ${effect.to} ${id ?? ""}`;
      let retry = this.#retries.get(key);
      if (retry === undefined) {
        if (this.#retries.size >= this.#config.entriesMax) continue;
        retry = { kind, to: effect.to, id, failures: 0, delayMs: 0, dueMs: 0, isUnderWay: false };
        this.#retries.set(key, retry);
      }
      if (failure !== "backoff") retry.failures += 1;
      if (failure === "refused" || retry.failures >= this.#config.attemptsMax) {
        this.#retries.delete(key);
        isExhausted = true;
        if (id !== undefined) exhausted.push(id);
        continue;
      }
      retry.delayMs = this.#nextDelayMs(retry.delayMs);
      retry.dueMs = nowMs + retry.delayMs;
      retry.isUnderWay = false;
      this.#timer.by(retry.dueMs, nowMs, effects);
    }
    if (isExhausted) {
      effects.push({ kind: "report", report: { what: "retries_exhausted", effect: withIds(effect, exhausted) } });
    }
  }

  #nextDelayMs(previousMs: number): number {
    if (previousMs === 0) return this.#config.delayMinMs;
    return Math.min(this.#config.delayMaxMs, this.#random.between(this.#config.delayMinMs, 3 * previousMs));
  }

  #onTimer(nowMs: SteadyMs, effects: Effect[]): void {
    this.#timer.fired(nowMs);
    const sends = new Map<string, { kind: RetriedKind; to: PublicKey; ids: MessageId[] }>();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const [key, retry] of this.#retries) {
      const { kind, to, id, dueMs, isUnderWay } = retry;
      if (dueMs > nowMs) nextMs = Math.min(nextMs, dueMs);
      else if (isUnderWay) this.#retries.delete(key);
      else {
        retry.isUnderWay = true;
        retry.dueMs = nowMs + this.#config.settledMs;
        nextMs = Math.min(nextMs, retry.dueMs);
        const send = sends.get(`${kind} ${to}`);
        if (send === undefined) sends.set(`${kind} ${to}`, { kind, to, ids: id === undefined ? [] : [id] });
        else if (id !== undefined) send.ids.push(id);
      }
    }
    for (const { kind, to, ids } of sends.values()) {
      effects.push(kind === "push_roster" ? { kind, to } : { kind, to, ids });
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#timer.by(nextMs, nowMs, effects);
  }
}

function withIds(effect: SendEffect, ids: readonly MessageId[]): SendEffect {
  return effect.kind === "push" || effect.kind === "ihave" ? { ...effect, ids } : effect;
}
