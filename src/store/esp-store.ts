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
}
