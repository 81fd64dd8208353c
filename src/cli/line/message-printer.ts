import { durationText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { printJson } from "../../host/print.ts";
import { realClock } from "../../host/real-clock.ts";
import { onReaderGone } from "../../host/stdout-reader.ts";
import type { MessageRow } from "../../node/operations/messages.ts";
import { messageLine } from "../../view/message-line.ts";

/** When a command that prints messages ends by itself. */
export interface PrintingEnd {
  /** With so many printed; `undefined`: as many as come. */
  readonly count: number | undefined;
  /** After so long; `undefined`: never. */
  readonly timeoutMs: number | undefined;
}

/**
 * Prints messages as lines until there are enough, the time is up, a signal says so, or nobody reads them any more;
 * `signal` aborts then, and nothing is printed after that.
 */
export class MessagePrinter implements Disposable {
  readonly #count: number;
  readonly #timeoutMs: number | undefined;
  readonly #ending = new AbortController();
  readonly #watches: Disposable[];
  #printed = 0;
  #isLate = false;
  #isInterrupted = false;
  #reason: EntmootError | undefined;

  constructor({ count = Number.POSITIVE_INFINITY, timeoutMs }: PrintingEnd) {
    this.#count = count;
    this.#timeoutMs = timeoutMs;
    const interrupt = () => {
      if (!this.signal.aborted) this.#isInterrupted = true;
      this.#ending.abort();
    };
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, interrupt);
    this.#watches = [onReaderGone(realClock, () => this.#ending.abort())];
    if (timeoutMs !== undefined) this.#watches.push(realClock.after(timeoutMs, () => this.#onLate()));
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Whether it ends by itself after some time. */
  get isTimed(): boolean {
    return this.#timeoutMs !== undefined;
  }

  /** Whether the time was up, and no number of messages was waited for: there is nothing to say of how many came. */
  get isOver(): boolean {
    return this.#isLate && this.#count === Number.POSITIVE_INFINITY;
  }

  print(row: MessageRow): void {
    if (this.signal.aborted) return;
    printJson(messageLine(row));
    this.#printed += 1;
    if (this.#printed === this.#count) this.#ending.abort();
  }

  /** A line of another kind, which is none of the messages that are waited for. */
  note(line: object): void {
    if (!this.signal.aborted) printJson(line);
  }

  /** Nothing more can come, for this reason. */
  end(reason: EntmootError): void {
    if (this.signal.aborted) return;
    this.#reason = reason;
    this.#ending.abort();
  }

  /** Throws why nothing more can come, and `too_few` when the time was up, or a signal came, before there were enough. */
  requireCount(label: string): void {
    if (this.#reason !== undefined) throw this.#reason;
    if (!(this.#isLate || this.#isInterrupted) || this.#count === Number.POSITIVE_INFINITY) return;
    const until = this.#isLate ? `within ${durationText(this.#timeoutMs ?? 0)}` : "before a signal ended it";
    const found = `${this.#printed} of ${this.#count} messages came ${until}`;
    throw new EntmootError("too_few", `${label}: ${found}; go on with -after and the place of the last one`);
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]();
  }

  #onLate(): void {
    if (this.signal.aborted) return;
    this.#isLate = true;
    this.#ending.abort();
  }
}
