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

/** Wire with the original. What a directory does with a moot; only what is listed is shown. */
export const DIRECTORY_STATUSES = ["listed", "pending", "delisted", "blocked"] as const;
export type DirectoryStatus = (typeof DIRECTORY_STATUSES)[number];

/** A moot in the public directory. */
export interface DirectoryRow {
  readonly groupId: GroupId;
  /** The founder's key that the first descriptor pinned, in base64; empty where none came yet. */
  readonly founderKey: string;
  /** The signed JSON, verified when it came; `undefined` for a moot that was only blocked. */
  readonly descriptor: Uint8Array | undefined;
  readonly updatedMs: number;
  readonly status: DirectoryStatus;
  readonly indexedMs: number;
  readonly statusMs: number;
  /** Of its row: among descriptors of one millisecond the later row comes first. */
  readonly row: number;
}

/** A verified descriptor that a founder tells the directory. */
export interface ToldDescriptor {
  readonly groupId: GroupId;
  readonly founderKey: string;
  readonly descriptor: Uint8Array;
  readonly updatedMs: number;
}

/** What came of it: taken, no newer than what is here, or refused. */
export type DirectoryOutcome = "indexed" | "stale" | "blocked" | "founder_mismatch" | "founder_full" | "full";

/** Public moots of founders anywhere. Looking makes nothing. */
export interface DirectoryStore {
  get(groupId: GroupId): DirectoryRow | undefined;
  /** Those listed that have a descriptor, newest first, below a row: at most so many rows and, past the first, bytes of descriptors. */
  listed(ask: DirectoryAsk): DirectoryRow[];
  /** Every row, the last changed first. */
  all(limit: number): DirectoryRow[];
  /** Durable on return, with the row as it is then. Status and the time of indexing stay; the first key stays pinned. */
  put(
    told: ToldDescriptor,
    nowMs: UnixMs,
  ): { readonly outcome: DirectoryOutcome; readonly row: DirectoryRow | undefined };
  /** `blocked` also of a moot that never came; of any other that is not here `undefined`. Durable on return. */
  setStatus(groupId: GroupId, status: DirectoryStatus, nowMs: UnixMs): DirectoryRow | undefined;
  /** Forgets a moot with the key pinned for it: whoever tells it next is its founder here. Whether it was there. */
  forget(groupId: GroupId): boolean;
}

export interface DirectoryAsk {
  readonly limit: number;
  readonly bytesMax: number;
  readonly below: Pick<DirectoryRow, "updatedMs" | "row"> | undefined;
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
  readonly directory: DirectoryStore;
}
