import type { PublicKey } from "../core/ids.ts";

/** How packets reach a peer just now. */
export type Route = "direct" | "relay" | "none";

/** Ours. The most one `read` returns, in bytes: a carrier may pay for each byte on the event loop, and with garbage. */
export const READ_MAX_BYTES = 16_384;

/**
 * One interaction with one authenticated peer: an ordered byte stream in both directions.
 * Reads and writes may not overlap themselves (`internal`); one read and one write may run at once.
 */
export interface PeerStream extends AsyncDisposable {
  /** Proved by the carrier before the stream is handed out. */
  readonly remote: PublicKey;
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

export interface DialOptions {
  /** Where the peer was last known to be, in this carrier's own text form; tried together. May be empty. */
  readonly hints: readonly string[];
  readonly signal: AbortSignal;
}

export interface PeerStatus {
  readonly key: PublicKey;
  readonly connected: boolean;
  readonly route: Route;
  /** Round-trip time in milliseconds, where the carrier knows it. */
  readonly rttMs: number | undefined;
}

/** Opens and accepts streams to peers known by key. All carriers behave alike above this line. */
export interface Transport extends AsyncDisposable {
  readonly carrier: "memory" | "iroh" | "pilot";
  readonly local: PublicKey;
  /**
   * A new stream to `peer`, over a connection that is kept and shared. The peer may hear of the stream only with
   * its first bytes, so whoever opens speaks first. A peer that is there but at its limits resets the stream, which
   * the first read or write tells. Throws `unavailable` (saying why) or `timeout`.
   */
  open(peer: PublicKey, options: DialOptions): Promise<PeerStream>;
  /**
   * Calls `handler` for each stream a peer opens. The handler owns the stream. Set once, before which
   * incoming streams wait. Limits per peer and in total are the transport's: past them a stream is reset.
   */
  accept(handler: (stream: PeerStream) => void): void;
  /**
   * Who is one of ours, asked whenever a limit is near. Strangers share a part of the connections and a few streams
   * each, so that made-up keys cannot keep members out. Until it is set everyone counts as one of ours.
   */
  knowPeers(isKnown: (peer: PublicKey) => boolean): void;
  /** Our own address hints now, in this carrier's text form; empty when unknown or none. */
  localHints(): readonly string[];
  /** Called whenever `localHints` changed. */
  onHintsChanged(listener: () => void): void;
  /** Called when the first connection to a peer is made (either side dialled) and when the last one is lost. */
  onPeerChanged(listener: (status: PeerStatus) => void): void;
  status(peer: PublicKey): PeerStatus;
  /** Lets written and finished data reach peers (bounded), then closes everything and stops accepting. Idempotent. */
  close(): Promise<void>;
}
