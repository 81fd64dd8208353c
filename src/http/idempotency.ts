import { sha256 } from "../core/bytes/sha256.ts";
import { type Clock, later } from "../core/clock.ts";
import { SaltedMap } from "../core/salted-map.ts";
import type { IdempotencyStore, IdempotentAsk } from "../store/esp-store.ts";
import { badRequest, HttpFailure } from "./http-failure.ts";

/** Wire. Keys that are longer are refused, not cut. */
const KEY_BYTES_MAX = 256;
/** Wire. How long an answer is kept. */
const KEPT_MS = 24 * 3_600_000;
/** Ours. What is larger is not kept: the same again is carried out again. */
const ANSWER_BYTES_MAX = 256 * 1024;

/** An answer as it goes out. */
export interface PlainAnswer {
  readonly status: number;
  readonly body: Uint8Array;
}

interface RunParts {
  readonly store: IdempotencyStore;
  readonly clock: Clock;
  /** Runs what looks at the store, again where another process writes it. */
  readonly patiently: <T>(work: () => T) => Promise<T>;
}

/** What is asked again under one key is answered as before, and done once. */
export class Idempotency {
  readonly #parts: RunParts;
  /** By scope and key. No more than requests are under way. */
  readonly #running = new SaltedMap<string, { readonly hash: string; readonly done: Promise<PlainAnswer> }>();

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  /** `scope`: with whoever asks in it. Throws 400 and 409. */
  async run(
    { body, key, scope }: { readonly scope: string; readonly key: string; readonly body: Uint8Array },
    work: () => Promise<PlainAnswer>,
  ): Promise<PlainAnswer> {
    if (Buffer.byteLength(key) > KEY_BYTES_MAX) throw badRequest("Idempotency-Key is too long");
    const ask = { scope, key, requestHash: sha256(body).toBase64() };
    const name = `${scope}\0${key}`;
    const running = this.#running.get(name);
    if (running !== undefined) {
      requireSame(running.hash, ask);
      return await running.done;
    }
    const done = this.#kept(ask, work);
    this.#running.set(name, { hash: ask.requestHash, done });
    try {
      return await done;
    } finally {
      this.#running.delete(name);
    }
  }

  async #kept(ask: IdempotentAsk, work: () => Promise<PlainAnswer>): Promise<PlainAnswer> {
    const { clock, patiently, store } = this.#parts;
    const before = await patiently(() => store.answer(ask, clock.unix()));
    if (before !== undefined) {
      requireSame(before.requestHash, ask);
      return before;
    }
    const answer = await work();
    const nowMs = clock.unix();
    if (isKept(answer)) await patiently(() => store.keep(ask, answer, { nowMs, expiresMs: later(nowMs, KEPT_MS) }));
    return answer;
  }
}

/** What may be another the next time is not kept. */
function isKept({ body, status }: PlainAnswer): boolean {
  return status < 500 && status !== 401 && status !== 403 && status !== 429 && body.length <= ANSWER_BYTES_MAX;
}

function requireSame(hash: string, { requestHash }: IdempotentAsk): void {
  if (hash === requestHash) return;
  const why = "Idempotency-Key was already used with a different request body";
  throw new HttpFailure(409, "idempotency_conflict", why);
}
