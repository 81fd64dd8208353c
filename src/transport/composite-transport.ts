import { addressesFor } from "../core/admission/address-hint.ts";
import type { CarrierName } from "../core/admission/carrier-codec.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import type { PublicKey } from "../core/ids.ts";
import { openOnFirst } from "./open-on-first.ts";
import { shortKey } from "./short-key.ts";
import type { DialOptions, PeerStatus, PeerStream, Route, Transport } from "./transport.ts";

/** Best first. */
const ROUTES: readonly Route[] = ["direct", "relay", "none"];

/**
 * Several carriers of one node as one, the one to prefer first. Owns them. What strangers may take is counted by each
 * carrier for itself, so all of them together allow the sum.
 */
export class CompositeTransport implements Transport {
  readonly local: PublicKey;
  readonly #clock: Clock;
  readonly #carriers: Transport[] = [];
  /** Which carriers have a connection with a peer, as they announced it. */
  readonly #connectedBy = new Map<PublicKey, Set<Transport>>();
  /** The peers that listeners know to be connected. */
  readonly #announced = new Set<PublicKey>();
  readonly #peerListeners: ((status: PeerStatus) => void)[] = [];
  readonly #hintListeners: (() => void)[] = [];
  #handler: ((stream: PeerStream) => void) | undefined;
  #isKnown: ((peer: PublicKey) => boolean) | undefined;
  #closing: Promise<void> | undefined;

  /** Throws as `add`. */
  constructor(clock: Clock, carriers: readonly [Transport, ...Transport[]]) {
    this.#clock = clock;
    this.local = carriers[0].local;
    for (const carrier of carriers) this.add(carrier);
  }

  get carriers(): readonly CarrierName[] {
    return this.#carriers.flatMap(({ carriers }) => carriers);
  }

  /**
   * Takes in a carrier that has just started, as the last to prefer; it is used from now on. Throws `invalid_argument`
   * for one with another key, `conflict` for one of a name that is here, `unavailable` once closed; it is the caller's
   * to close then.
   */
  add(carrier: Transport): void {
    const names = carrier.carriers.join("+");
    if (this.#closing) throw new EntmootError("unavailable", "transport: closed");
    if (carrier.local !== this.local) {
      throw new EntmootError(
        "invalid_argument",
        `transport: expected key ${shortKey(this.local)} on every carrier, found ${shortKey(carrier.local)} on ${names}`,
      );
    }
    if (carrier.carriers.some((name) => this.carriers.includes(name))) {
      throw new EntmootError("conflict", `transport: carrier ${names} is already here`);
    }
    this.#carriers.push(carrier);
    carrier.onPeerChanged((status) => this.#onPeer(carrier, status));
    carrier.onHintsChanged(() => this.#tellHints());
    if (this.#isKnown) carrier.knowPeers(this.#isKnown);
    if (this.#handler) carrier.accept(this.#handler);
    if (carrier.localHints().length > 0) this.#tellHints();
  }

  /** Over a carrier that is connected, else over those that hints are for, else over any: the preferred first. */
  async open(peer: PublicKey, options: DialOptions): Promise<PeerStream> {
    if (this.#closing) throw new EntmootError("unavailable", "transport: closed");
    if (options.signal.aborted) throw new EntmootError("timeout", `peer ${shortKey(peer)}: no time left to dial`);
    if (peer === this.local) throw new EntmootError("unavailable", `peer ${shortKey(peer)}: that is this node itself`);
    const order = this.#order(peer, options.hints);
    return await openOnFirst(order, { clock: this.#clock, peer, ...options });
  }

  accept(handler: (stream: PeerStream) => void): void {
    this.#handler = handler;
    for (const carrier of this.#carriers) carrier.accept(handler);
  }

  knowPeers(isKnown: (peer: PublicKey) => boolean): void {
    this.#isKnown = isKnown;
    for (const carrier of this.#carriers) carrier.knowPeers(isKnown);
  }

  localHints(): readonly string[] {
    return this.#carriers.flatMap((carrier) => carrier.localHints());
  }

  onHintsChanged(listener: () => void): void {
    this.#hintListeners.push(listener);
  }

  onPeerChanged(listener: (status: PeerStatus) => void): void {
    this.#peerListeners.push(listener);
  }

  /** Of the best connection; its proof is the strongest of all. */
  status(peer: PublicKey): PeerStatus {
    const connected = this.#carriers.map((carrier) => carrier.status(peer)).filter((status) => status.connected);
    const [best] = connected.toSorted((a, b) => ROUTES.indexOf(a.route) - ROUTES.indexOf(b.route));
    if (best === undefined) return unconnected(peer);
    return { ...best, proof: connected.some(({ proof }) => proof === "key") ? "key" : best.proof };
  }

  /** Closes every carrier, also when one fails to; then throws what failed. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #order(peer: PublicKey, hints: readonly string[]): readonly Transport[] {
    const rank = (carrier: Transport) => {
      if (carrier.status(peer).connected) return 0;
      return carrier.carriers.some((name) => addressesFor(name, hints).length > 0) ? 1 : 2;
    };
    const ranked = this.#carriers.map((carrier) => ({ carrier, rank: rank(carrier) }));
    return ranked.toSorted((a, b) => a.rank - b.rank).map(({ carrier }) => carrier);
  }

  #onPeer(carrier: Transport, { connected, key }: PeerStatus): void {
    const by = this.#connectedBy.get(key) ?? new Set();
    if (connected) {
      this.#connectedBy.set(key, by.add(carrier));
      if (this.#announced.has(key)) return;
      this.#announced.add(key);
      this.#tellPeer(this.status(key));
      return;
    }
    by.delete(carrier);
    if (by.size === 0) this.#connectedBy.delete(key);
    // Lost and yet connected is how a carrier says that the peer restarted: it does not matter then who else has it.
    const isGone = by.size === 0 || carrier.status(key).connected;
    if (isGone && this.#announced.delete(key)) this.#tellPeer(unconnected(key));
  }

  #tellPeer(status: PeerStatus): void {
    for (const listener of this.#peerListeners) listener(status);
  }

  #tellHints(): void {
    for (const listener of this.#hintListeners) listener();
  }

  async #close(): Promise<void> {
    const closed = await Promise.allSettled(this.#carriers.map((carrier) => carrier.close()));
    const errors = closed.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, "transport: several carriers failed to close");
  }
}

function unconnected(key: PublicKey): PeerStatus {
  return { key, connected: false, route: "none", proof: undefined, rttMs: undefined };
}
