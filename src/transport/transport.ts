import type { CarrierName } from "../core/admission/carrier-codec.ts";
import type { PublicKey } from "../core/ids.ts";
import type { Dialect } from "../wire/frame/frame-types.ts";
import type { ByteStream } from "./byte-stream.ts";

/** How packets reach a peer just now. */
export type Route = "direct" | "relay" | "none";

/**
 * How it is known who a peer is. `key`: the connection proved that it holds the key. `claim`: somebody said so, and
 * only signatures inside prove anything.
 */
export type PeerProof = "key" | "claim";

/** One interaction with one peer. What the carrier says of it holds before the stream is handed out. */
export interface PeerStream extends ByteStream {
  readonly remote: PublicKey;
  /** How sure `remote` is. */
  readonly proof: PeerProof;
  /** Where its peer made the connection from, as `DialledFrom` has it; `undefined` where we made it, or nobody can tell. */
  readonly host: string | undefined;
  /** What both ends speak on it. */
  readonly dialect: Dialect;
}

export interface DialOptions {
  /** Where the peer was last known to be, as address-hint.ts writes it; a carrier tries those for it together. May be empty. */
  readonly hints: readonly string[];
  readonly signal: AbortSignal;
}

export interface PeerStatus {
  readonly key: PublicKey;
  readonly connected: boolean;
  readonly route: Route;
  /** How sure the connection is of the peer's key; `undefined` without one. */
  readonly proof: PeerProof | undefined;
  /** Round-trip time in milliseconds, where the carrier knows it. */
  readonly rttMs: number | undefined;
}

/** Opens and accepts streams to peers known by key. All carriers behave alike above this line. */
export interface Transport extends AsyncDisposable {
  /** Its name; those of a composite, the one to prefer first. */
  readonly carriers: readonly CarrierName[];
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
  /** Our own address hints now, as address-hint.ts writes them; empty when unknown or none. */
  localHints(): readonly string[];
  /** Called whenever `localHints` changed. */
  onHintsChanged(listener: () => void): void;
  /** Called when the first connection to a peer is made (either side dialled) and when the last one is lost. */
  onPeerChanged(listener: (status: PeerStatus) => void): void;
  status(peer: PublicKey): PeerStatus;
  /** Lets written and finished data reach peers (bounded), then closes everything and stops accepting. Idempotent. */
  close(): Promise<void>;
}
