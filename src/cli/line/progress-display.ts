import type { WriteStream } from "node:tty";
import { shownLine } from "../../core/bytes/shown-text.ts";
import type { Clock, SteadyMs } from "../../core/clock.ts";

const WIDTH = 28;
/** Ours. A bar that moves more often only costs. */
const REDRAW_MS = 100;
/** Ours. Elsewhere than on a terminal, a line for each tenth. */
const PARTS = 10;

/** How far a download is: a bar that is drawn over itself on a terminal, a few lines elsewhere. */
export class ProgressDisplay implements Disposable {
  readonly #out: Pick<WriteStream, "write"> & { readonly isTTY?: boolean };
  readonly #clock: Clock;
  readonly #isDrawn: boolean;
  #drawn: SteadyMs | undefined;
  #part = -1;
  #open = false;

  constructor(
    out: Pick<WriteStream, "write"> & { readonly isTTY?: boolean },
    clock: Clock,
    isDumb = process.env.TERM === "dumb",
  ) {
    // A terminal that knows no sequences gets lines, as a file does.
    this.#isDrawn = out.isTTY === true && !isDumb;
    this.#out = out;
    this.#clock = clock;
  }

  /** `size` is above 0. */
  show(received: number, size: number): void {
    const done = received >= size;
    if (this.#isDrawn) {
      const now = this.#clock.steady();
      if (!done && this.#drawn !== undefined && now - this.#drawn < REDRAW_MS) return;
      this.#drawn = now;
      const full = Math.floor((WIDTH * received) / size);
      this.#out.write(`\r[${"#".repeat(full)}${" ".repeat(WIDTH - full)}] ${figures(received, size)}\x1b[K`);
      this.#open = true;
      if (done) this[Symbol.dispose]();
      return;
    }
    const part = Math.floor((PARTS * received) / size);
    if (part <= this.#part) return;
    this.#part = part;
    this.#out.write(`${figures(received, size)}\n`);
  }

  /** A line of its own. */
  step(text: string): void {
    this[Symbol.dispose]();
    this.#out.write(`${shownLine(text)}\n`);
  }

  /** Leaves the line of the bar. */
  [Symbol.dispose](): void {
    if (this.#open) this.#out.write("\n");
    this.#open = false;
  }
}

function figures(received: number, size: number): string {
  const mega = (bytes: number) => (bytes / 1e6).toFixed(1);
  return `${Math.floor((100 * received) / size)} % of ${mega(size)} MB (${mega(received)})`;
}
