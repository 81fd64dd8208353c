import type { UnixMs } from "../core/clock.ts";
import type { GroupId, PublicKey } from "../core/ids.ts";

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

/** An open invite as the original's service issued it, and keeps it. */
export interface OriginalOpenInvite {
  /** SHA-256 of the token, in base64url. */
  readonly tokenHash: string;
  readonly groupId: GroupId;
  /** Which device asked for it; may be empty. */
  readonly deviceId: string;
  /** 0: any number. */
  readonly maxUses: number;
  readonly useCount: number;
  readonly isRevoked: boolean;
  /** Node ids. */
  readonly bootstrapPeers: readonly number[];
  readonly createdMs: number;
  readonly updatedMs: number;
  /** 0: never. */
  readonly expiresMs: number;
}

/** Open invites of the original's service, which this program takes over one by one as they are used. Looking makes nothing. */
export interface OriginalOpenInvites {
  get(tokenHash: string): OriginalOpenInvite | undefined;
  /** Newest first, as many as a node keeps. */
  list(groupId: GroupId): OriginalOpenInvite[];
  /** The keys that used it. */
  redeemers(tokenHash: string): PublicKey[];
  /** Notes what became of one, so that the original finds it; nothing where there is none. Durable on return. */
  note(
    tokenHash: string,
    now: { readonly useCount: number; readonly isRevoked: boolean; readonly nowMs: UnixMs },
  ): void;
}

/**
 * What the HTTP service keeps for itself, in the original's file. Other processes read and write it too. Looking makes no
 * file. Throws `StoreBusy` while another process writes it, `data_root_invalid` when it is damaged or not writable, `disk_full`.
 */
export interface EspStore extends Disposable {
  readonly nonces: NonceStore;
  readonly idempotency: IdempotencyStore;
  readonly metadata: EspMetadataStore;
  readonly openInvites: OriginalOpenInvites;
}
