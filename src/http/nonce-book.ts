import { type Clock, later, type UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { SaltedMap } from "../core/salted-map.ts";
import type { Log } from "../host/log.ts";
import type { NonceStore, UsedNonce } from "../store/esp-store.ts";
import { tooMany } from "./http-failure.ts";

/** Wire. How far a stamp may be from now, either way. */
export const STAMP_WINDOW_MS = 5 * 60_000;
/** Ours. Nonces that count at once, of all and of one: fifty a second from each for five minutes. */
const NONCES_MAX = 262_144;
const NONCES_OF_ONE_MAX = 16_384;
/** Ours. How often what counts no longer is looked for, and how often a disk that keeps nothing is told of. */
const PURGE_EVERY_MS = 10_000;
const TOLD_EVERY_MS = 60_000;

interface BookParts {
  readonly store: NonceStore;
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
}

/** Nonces of requests that were proved. Each counts once until its stamp lies outside the window, over restarts too. */
export class NonceBook {
  readonly #parts: BookParts;
  readonly #used = new SaltedMap<string, UsedNonce>();
  readonly #ofOne = new SaltedMap<string, number>();
  #waiting: { readonly nonce: UsedNonce; readonly told: (isNew: boolean) => void }[] = [];
  #isLoaded = false;
  #purgeAtMs = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  constructor(parts: BookParts) {
    this.#parts = parts;
  }

  /** `false` for one that was used. Resolves once it is kept, with all of this turn of the event loop in one commit. Throws 429. */
  async use(who: string, nonce: string, stampMs: bigint): Promise<boolean> {
    const nowMs = this.#parts.clock.unix();
    this.#load(nowMs);
    this.#purge(nowMs);
    const key = `${who}\0${nonce}`;
    const before = this.#used.get(key);
    if (before !== undefined && before.expiresMs > nowMs) return false;
    const count = this.#ofOne.get(who) ?? 0;
    if (count >= NONCES_OF_ONE_MAX || this.#used.size >= NONCES_MAX) {
      this.#purgeAtMs = 0;
      throw tooMany(PURGE_EVERY_MS, "too many signed requests within five minutes");
    }
    // A stamp at the very end of the window is still inside it.
    const last = Math.max(nowMs, Number(stampMs)) as UnixMs;
    const used = { who, nonce, expiresMs: later(last, STAMP_WINDOW_MS + 1) };
    this.#note(key, used);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push({ nonce: used, told: resolve });
    if (this.#waiting.length === 1) this.#parts.clock.after(0, () => this.#keep());
    return promise;
  }

  #note(key: string, used: UsedNonce): void {
    if (!this.#used.has(key)) this.#ofOne.set(used.who, (this.#ofOne.get(used.who) ?? 0) + 1);
    this.#used.set(key, used);
  }

  #load(nowMs: UnixMs): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    try {
      for (const used of this.#parts.store.valid(nowMs, NONCES_MAX)) this.#note(`${used.who}\0${used.nonce}`, used);
    } catch (error) {
      this.#tell(error);
    }
  }

  #purge(nowMs: UnixMs): void {
    if (nowMs < this.#purgeAtMs && this.#purgeAtMs - nowMs <= PURGE_EVERY_MS) return;
    this.#purgeAtMs = nowMs + PURGE_EVERY_MS;
    for (const [key, { expiresMs, who }] of this.#used) {
      if (expiresMs > nowMs) continue;
      this.#used.delete(key);
      const left = this.#ofOne.get(who)! - 1;
      if (left > 0) this.#ofOne.set(who, left);
      else this.#ofOne.delete(who);
    }
  }

  #keep(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    let news: readonly boolean[];
    try {
      news = this.#parts.store.use(
        waiting.map(({ nonce }) => nonce),
        this.#parts.clock.unix(),
      );
    } catch (error) {
      this.#tell(error);
      news = waiting.map(() => true);
    }
    for (const [at, { told }] of waiting.entries()) told(news[at] ?? true);
  }

  /** Refusing everybody on a full disk would be worse: what is in memory counts all the same. */
  #tell(error: unknown): void {
    if (!(error instanceof EntmootError)) throw error;
    const nowMs = this.#parts.clock.steady();
    if (nowMs - this.#toldAtMs < TOLD_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    this.#parts.log.warn("http: nonces are kept in memory alone", { error: error.message });
  }
}
