import type { UnixMs } from "../core/clock.ts";
import type { GroupId } from "../core/ids.ts";

/** A nonce of a signed request. */
export interface UsedNonce {
  /** Whose it is: the same text of another is another nonce. */
  readonly who: string;
  readonly nonce: string;
  /** From then on it counts no longer. */
  readonly expiresMs: UnixMs;
}

/** Nonces over restarts, and over several processes that serve one data root. */
export interface NonceStore {
  /** Those that count still, for who starts; at most `limit`. Makes nothing. */
  valid(nowMs: UnixMs, limit: number): UsedNonce[];
  /** Keeps all in one commit, durable on return, and says of each whether it was new. Forgets what counts no longer. */
  use(nonces: readonly UsedNonce[], nowMs: UnixMs): boolean[];
}

/** A request under an idempotency key. */
export interface IdempotentAsk {
  readonly scope: string;
  readonly key: string;
  /** Of the body. */
  readonly requestHash: string;
}

export interface KeptAnswer {
  readonly requestHash: string;
  readonly status: number;
  readonly body: Uint8Array;
}

/** What was answered under which idempotency key. */
export interface IdempotencyStore {
  /** `undefined` where none counts any more. Makes nothing. */
  answer(ask: Pick<IdempotentAsk, "scope" | "key">, nowMs: UnixMs): KeptAnswer | undefined;
  /** Durable on return. Forgets what counts no longer and, past its limits, the oldest. */
  keep(ask: IdempotentAsk, answer: Pick<KeptAnswer, "status" | "body">, times: AnswerTimes): void;
}

export interface AnswerTimes {
  readonly nowMs: UnixMs;
  readonly expiresMs: UnixMs;
}

/** Display metadata of moots as the original's service keeps it: the text of a JSON object. */
export interface EspMetadataStore {
  get(groupId: GroupId): string | undefined;
}

/**
 * What the HTTP service keeps for itself, in the original's file. Other processes read and write it too. Looking makes no
 * file. Throws `StoreBusy` while another process writes it, `data_root_invalid` when it is damaged or not writable, `disk_full`.
 */
export interface EspStore extends Disposable {
  readonly nonces: NonceStore;
  readonly idempotency: IdempotencyStore;
  readonly metadata: EspMetadataStore;
}
