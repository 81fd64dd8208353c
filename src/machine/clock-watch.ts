import { later, type SteadyMs, type UnixMs } from "../core/clock.ts";

interface ClockReading {
  readonly unix: UnixMs;
  readonly steady: SteadyMs;
}

/**
 * Watches the date of this machine beside its steady clock. A date that was set, and a machine that slept, look alike
 * from here: the one went on without the other.
 */
export class ClockWatch {
  readonly #toleranceMs: number;
  /** Jumps so far, and how far the last one went, in milliseconds. */
  jumps = 0;
  lastJumpMs = 0;
  /** Since when the date has gone on as the steady clock does; small steps add up against it. */
  #since: ClockReading | undefined;

  /** `toleranceMs`: how far the date may move against the steady clock in all. */
  constructor({ toleranceMs }: { readonly toleranceMs: number }) {
    this.#toleranceMs = toleranceMs;
  }

  /** To be called now and then. Gives how far the date jumped, in milliseconds, backward below 0; 0 when it did not. */
  observe(now: ClockReading): number {
    if (this.#since === undefined) {
      this.#since = now;
      return 0;
    }
    const expected = later(this.#since.unix, now.steady - this.#since.steady);
    const jumpMs = now.unix - expected;
    if (Math.abs(jumpMs) <= this.#toleranceMs) return 0;
    this.#since = now;
    this.jumps += 1;
    this.lastJumpMs = jumpMs;
    return jumpMs;
  }

  /** For how many milliseconds the date has gone on without a jump, as of the last look. */
  steadyForMs(steady: SteadyMs): number {
    return this.#since === undefined ? 0 : steady - this.#since.steady;
  }
}
