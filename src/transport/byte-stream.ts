import { EntmootError } from "../core/errors.ts";

/** Ours. The most one `read` returns, in bytes: a carrier may pay for each byte on the event loop, and with garbage. */
export const READ_MAX_BYTES = 16_384;

/**
 * An ordered byte stream in both directions. Reads and writes may not overlap themselves (`internal`); one read and
 * one write may run at once.
 */
export interface ByteStream extends AsyncDisposable {
  /**
   * Up to `maxBytes` (at most 16,384) once at least one is there; `null` after the peer finished its side.
   * Throws `unavailable` when the stream was reset or the connection lost, `timeout` when `signal` aborts.
   * A read that timed out loses nothing: the next one returns what arrived meanwhile.
   */
  read(maxBytes: number, signal?: AbortSignal): Promise<Uint8Array | null>;
  /**
   * Resolves when the carrier has taken all of `bytes`; waits while the peer is slow. Throws as `read`.
   * After it threw, part of `bytes` may have gone out: only `reset` makes sense, and disposing does the same.
   */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Ends our side; the peer reads what was written and then `null`. Idempotent. Throws `unavailable` as `write`. */
  finish(): Promise<void>;
  /** Drops both sides at once; a read or write under way throws `unavailable`. Idempotent. */
  reset(): void;
  /**
   * Finishes our side if it is open and releases the stream; never throws. The peer cannot tell it from a
   * success, so whoever gives up half-way calls `reset` first.
   */
  [Symbol.asyncDispose](): Promise<void>;
}

/** For a `read` or `write` that overlaps another of its kind: the caller's mistake, the same on every carrier. */
export function readUnderWay(subject: string): EntmootError {
  return new EntmootError("internal", `${subject}: another read of this stream is under way; await it first`);
}

/** The same for writes; a write that was given up counts as under way for good. */
export function writeUnderWay(subject: string): EntmootError {
  return new EntmootError(
    "internal",
    `${subject}: a write is under way or was given up; await it, or reset the stream`,
  );
}
