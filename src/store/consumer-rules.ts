import type { UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { KeptConsumer } from "./group-store.ts";
import { CONSUMERS_MAX, checkMs, checkName } from "./store-limits.ts";

/** What is kept of one consumer. */
export interface Consumer {
  readonly cursor: number | undefined;
  readonly owner: string | undefined;
  /** Token of the last lease; 0 when there never was one. */
  readonly token: number;
  readonly expiresAtMs: number;
}

export const NEW_CONSUMER: Consumer = { cursor: undefined, owner: undefined, token: 0, expiresAtMs: 0 };

/** Throws `conflict` when a group has no room for one consumer more. */
export function checkRoomForConsumer(consumers: number): void {
  if (consumers < CONSUMERS_MAX) return;
  throw new EntmootError("conflict", `consumers: a group keeps at most ${CONSUMERS_MAX}; forget one that is not used`);
}

/**
 * The consumer with its cursor at `seq`, or at where it is if that is further. Throws `conflict` when
 * `token` is not that of the current lease, `invalid_argument` past the last message.
 */
export function advanced(
  consumer: Consumer,
  request: { name: string; seq: number; lastSeq: number; token: number | undefined },
): Consumer {
  const { name, seq, lastSeq, token } = request;
  if (!Number.isSafeInteger(seq) || seq < 0 || seq > lastSeq) {
    throw new EntmootError(
      "invalid_argument",
      `consumer ${name}: expected a cursor from 0 to ${lastSeq}, found ${seq}`,
    );
  }
  if (token !== undefined && (consumer.owner === undefined || consumer.token !== token)) {
    throw new EntmootError("conflict", `consumer ${name}: lease ${token} is not the current one; acquire it again`);
  }
  return { ...consumer, cursor: Math.max(seq, consumer.cursor ?? 0) };
}

export interface LeaseRequest {
  consumer: string;
  owner: string;
  ttlMs: number;
  nowMs: UnixMs;
}

/**
 * The consumer with a lease for the owner, or `undefined` while another holds one. An unexpired lease
 * of the same owner is renewed under its token; otherwise it gets `nextToken`.
 */
export function leased(consumer: Consumer, request: LeaseRequest, nextToken: () => number): Consumer | undefined {
  const { owner, ttlMs, nowMs } = request;
  const current = consumer.owner !== undefined && consumer.expiresAtMs > nowMs;
  if (current && consumer.owner !== owner) return undefined;
  const token = current ? consumer.token : nextToken();
  return { ...consumer, owner, token, expiresAtMs: nowMs + ttlMs };
}

/** Throws `invalid_argument` unless the request can be kept. */
export function checkLeaseRequest({ consumer, owner, ttlMs, nowMs }: LeaseRequest): void {
  checkName("consumer", consumer);
  checkName("lease owner", owner);
  checkMs("lease: now", nowMs);
  checkMs("lease: time to live", ttlMs);
  checkMs("lease: expiry", nowMs + ttlMs);
}

/** The consumer as others are told of it. */
export function keptForm(name: string, { cursor, expiresAtMs, owner, token }: Consumer): KeptConsumer {
  return { name, cursor, lease: owner === undefined ? undefined : { owner, token, expiresAtMs } };
}
