import { countText } from "../../core/amounts.ts";
import type { SteadyMs } from "../../core/clock.ts";
import { printProse } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";

/** Ours. What is over by then says nothing. */
const QUIET_MS = 2_000;
/** Ours. A person looks again by then, and a log does not fill with it. */
const EVERY_MS = 3_000;

/** How far something is that takes long: lines on stderr, the first after two seconds. */
export class SlowProgress {
  readonly #label: string;
  readonly #unit: string;
  #next: SteadyMs;

  /** `unit`: of what there are so many. */
  constructor(label: string, unit: string) {
    this.#label = label;
    this.#unit = unit;
    this.#next = (realClock.steady() + QUIET_MS) as SteadyMs;
  }

  /** `what`: what is being done, where it is not always the same. */
  show(done: number, total: number, what = ""): void {
    const now = realClock.steady();
    if (now < this.#next) return;
    this.#next = (now + EVERY_MS) as SteadyMs;
    const part = total > 0 ? ` (${Math.min(100, Math.floor((100 * done) / total))} %)` : "";
    const doing = what === "" ? "" : `${what}: `;
    printProse(`${this.#label}: ${doing}${countText(done)} of ${countText(total)} ${this.#unit}${part}`);
  }
}
