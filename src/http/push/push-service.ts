import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../host/log.ts";
import type { PushNews } from "../../store/esp-store.ts";
import { StoreBusy } from "../../store/store-failures.ts";
import type { Apns } from "./apns.ts";
import { PushSender } from "./push-sender.ts";
import { PushWatch, type WatchParts } from "./push-watch.ts";

/** Ours. How long messages gather into one push. */
const LOOK_MS = 2_000;

export interface PushParts extends WatchParts {
  readonly apns: Pick<Apns, "send">;
  readonly clock: Clock;
  readonly log: Log;
  /** Keeps other processes from waking the same devices; `undefined` while one does. */
  readonly lock: () => Disposable | undefined;
}

/** Looks for news and sends it, as long as a device is to be woken. */
export class PushService implements AsyncDisposable {
  readonly #parts: PushParts;
  readonly #watch: PushWatch;
  readonly #sender: PushSender;
  readonly #ended = new AbortController();
  #lock: Disposable | undefined;
  #timer: Disposable | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(parts: PushParts) {
    this.#parts = parts;
    this.#watch = new PushWatch(parts);
    const send = (token: string, news: PushNews, signal: AbortSignal) => parts.apns.send(token, news, signal);
    this.#sender = new PushSender({ ...parts, send });
    this.#next();
  }

  /** One look. For tests; else the clock has them. */
  async look(): Promise<void> {
    const { log } = this.#parts;
    try {
      this.#lock ??= this.#parts.lock();
      if (this.#lock === undefined) return;
      await this.#watch.look(this.#ended.signal);
      if (!this.#ended.signal.aborted) this.#sender.look();
    } catch (error) {
      if (!(error instanceof StoreBusy)) log.error("push: nothing is sent just now", error);
    }
  }

  async settled(): Promise<void> {
    await this.#sender.settled();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#timer?.[Symbol.dispose]();
    await this.#looking;
    await this.#sender.end();
    this.#lock?.[Symbol.dispose]();
  }

  #next(): void {
    this.#timer = this.#parts.clock.after(
      LOOK_MS,
      () => {
        this.#looking = this.look().finally(() => {
          if (!this.#ended.signal.aborted) this.#next();
        });
      },
      { idle: true },
    );
  }
}
