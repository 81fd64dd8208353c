import { ControlClient } from "../control/control-client.ts";
import { EntmootError } from "../core/errors.ts";
import { realClock } from "../host/real-clock.ts";
import { watch } from "../node/operations/messages.ts";
import { pause } from "../transport/wait.ts";

/** Ours. Between two looks where no daemon says that something came: some microseconds each. */
const LOOK_EVERY_MS = 250;
/** Ours. Between two tries to find a daemon. */
const FIND_EVERY_MS = 1_000;

/** Calls back when messages may have come into a data root: a daemon says so at once; without one it is looked again and again. */
export class NewsBeside implements Disposable {
  readonly #dataDir: string;
  readonly #listener: () => void;
  readonly #ended = new AbortController();
  #looking: Disposable | undefined;

  constructor(dataDir: string, listener: () => void) {
    this.#dataDir = dataDir;
    this.#listener = listener;
    this.#lookAgain();
    void this.#follow();
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#looking?.[Symbol.dispose]();
  }

  /** Beside a daemon too: another process may have written. */
  #lookAgain(): void {
    if (this.#ended.signal.aborted) return;
    this.#listener();
    this.#looking = realClock.after(LOOK_EVERY_MS, () => this.#lookAgain(), { idle: true });
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await using daemon = await ControlClient.connect(this.#dataDir, realClock);
        await daemon?.call(watch, { reserved: true }, { signal, onEvent: this.#listener });
      } catch (error) {
        // It is gone, full or older: the looks go on, and it is asked anew.
        if (!(error instanceof EntmootError) && !signal.aborted) throw error;
      }
      await pause(realClock, FIND_EVERY_MS, signal);
    }
  }
}
