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

/** A request of a device to sign something, as it is kept. */
export interface SignRequest {
  readonly id: string;
  /** Whose it is; empty for one of the bearer, and seen then by all who may see its moot. */
  readonly deviceId: string;
  readonly kind: string;
  /** As the original has them; `executing` is ours: signed, and being carried out. */
  readonly status: "pending" | "executing" | "completed" | "rejected";
  /** `undefined`: about none. */
  readonly group: GroupId | undefined;
  /** JSON, as every text here but the names and the base64. */
  readonly payload: string;
  readonly canonicalType: string;
  readonly algorithm: string;
  /** Base64 of what is signed. */
  readonly signingPayload: string;
  readonly digest: string;
  readonly signature: string;
  readonly publishResult: string | undefined;
  readonly result: string | undefined;
  readonly createdMs: UnixMs;
  readonly updatedMs: UnixMs;
  /** 0: never. */
  readonly expiresMs: number;
}

/** How a request ended that was carried out. */
export interface SignOutcome {
  readonly publishResult: string | undefined;
  readonly result: string;
  /** What is kept of a moot for display from then on. */
  readonly metadata: { readonly group: GroupId; readonly text: string } | undefined;
}

/** `taken`: another completion of it is under way; `settled`: it was completed or rejected; `missing`. */
export type ClaimOutcome = "claimed" | "taken" | "settled" | "missing";

/**
 * Sign requests. A request is claimed before it is carried out, by one completion at a time of all processes; a claim ends
 * with its process, and whoever claims it then may find it carried out already.
 */
export interface SignRequestStore extends Disposable {
  /** Makes nothing. */
  get(id: string): SignRequest | undefined;
  /** Newest first, no more than there is room for; of `deviceId`: its own and those of nobody. Makes nothing. */
  ids(deviceId?: string): string[];
  /** Past its limits the oldest of that device go that nobody can complete any more; `false` where there is no room even so. */
  add(request: SignRequest): boolean;
  /** Durable on return, with the signature. */
  claim(id: string, signature: string, nowMs: UnixMs): ClaimOutcome;
  /** Whether it was carried out is not known: whoever claims it next finds out. */
  leave(id: string): void;
  /** It was not carried out: it is as before. */
  release(id: string, nowMs: UnixMs): void;
  /** Durable on return, all in one. `false` where the claim is somebody else's. */
  finish(id: string, outcome: SignOutcome, nowMs: UnixMs): boolean;
  /** `false` where it is not pending. */
  reject(id: string, nowMs: UnixMs): boolean;
  /** Those that were claimed by a process that is gone, or here by a completion that is over. Makes nothing. */
  abandoned(): SignRequest[];
}

/** What the owner of a device wants to be woken for. */
export interface PushPreferences {
  readonly isEnabled: boolean;
  /** Patterns of topics; none: whatever its topics. */
  readonly topics: readonly string[] | undefined;
  /** Ours. Also what names its member; without topics that alone. */
  readonly isForMentions: boolean;
}

/** Wire with the original: who told nothing wants everything. */
export const INITIAL_PREFERENCES: PushPreferences = { isEnabled: true, topics: undefined, isForMentions: false };

/** What a device told of itself. */
export interface DeviceState {
  readonly deviceId: string;
  /** Empty: it cannot be pushed. */
  readonly pushToken: string;
  readonly pushPlatform: string;
  readonly preferences: PushPreferences;
  readonly updatedMs: UnixMs;
}

export interface DeviceStateStore {
  /** `undefined` for one that told nothing. */
  get(deviceId: string): DeviceState | undefined;
  /** Of all that have a token; at most `limit`. Makes nothing. */
  withToken(limit: number): DeviceState[];
  putToken(deviceId: string, push: { readonly token: string; readonly platform: string }, nowMs: UnixMs): void;
  putPreferences(deviceId: string, preferences: PushPreferences, nowMs: UnixMs): void;
  /** Takes the token off where it is this one still. Durable on return. */
  clearToken(deviceId: string, token: string, nowMs: UnixMs): void;
}

/** Why a device is to be woken. Nothing of what was said is in it. */
export interface PushNews {
  readonly type: string;
  readonly groupId: GroupId | undefined;
  readonly reason: string;
}

/** News that waits. Of one device, type and moot there is one. */
export interface DuePush extends PushNews {
  readonly sinceMs: UnixMs;
  /** Grows when the same becomes news again. */
  readonly turn: number;
}

/** Which pushes are due, and how far moots were looked through for more. */
export interface PushStore {
  places(): Map<GroupId, string>;
  /** In one commit: the moot was looked through up to `place`, and these devices are to be woken for it. */
  advance(
    groupId: GroupId,
    place: string,
    wake: readonly string[],
    news: Omit<PushNews, "groupId">,
    nowMs: UnixMs,
  ): void;
  /** Forgets how far moots were looked through. Makes nothing. */
  forgetPlaces(): void;
  add(deviceId: string, news: PushNews, nowMs: UnixMs): void;
  /** Devices for which something waits, longest waiting first; at most `limit`. Makes nothing. */
  waiting(limit: number): string[];
  due(deviceId: string): DuePush[];
  /** These are over, except where the same became news again meanwhile. */
  done(deviceId: string, pushes: readonly DuePush[]): void;
  forget(deviceId: string): void;
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
  readonly devices: DeviceStateStore;
  readonly pushes: PushStore;
  readonly openInvites: OriginalOpenInvites;
  readonly directory: DirectoryStore;
  readonly signRequests: SignRequestStore;
}
