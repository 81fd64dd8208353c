import type { SteadyMs } from "../core/clock.ts";
import type { Effect, Timer } from "./effect.ts";

/** Ours. Real timers may fire a little early; one that did must be asked for again. */
const EARLY_MS = 20;

/** Schedules one timer without piling up wake-ups: asks for a new one only when none comes soon enough. */
export class WakeUp {
  readonly #timer: Timer;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /** Makes sure the timer fires at `atMs` or before. */
  by(atMs: number, nowMs: SteadyMs, effects: Effect[]): void {
    if (this.#atMs <= atMs) return;
    this.#atMs = Math.max(atMs, nowMs);
    effects.push({ kind: "schedule", timer: this.#timer, afterMs: this.#atMs - nowMs });
  }

  /** To be called first when the timer fired. */
  fired(nowMs: SteadyMs): void {
    if (this.#atMs <= nowMs + EARLY_MS) this.#atMs = Number.POSITIVE_INFINITY;
  }
}
