import type { CarrierName } from "../../core/admission/carrier-codec.ts";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { shortKey } from "../short-key.ts";
import type { DialOptions, PeerStatus, PeerStream, Transport } from "../transport.ts";
import { ConnectionRate, DEFAULT_LIMITS, StreamBudget, type TransportLimits } from "../transport-limits.ts";
import { type MemoryEnd, type MemoryManner, MemoryStream } from "./memory-stream.ts";

/** Nodes in one process that reach each other by key. Only the limits know the time; the order of events is the order of calls. */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #nodes = new Map<PublicKey, MemoryTransport>();
  readonly #cuts = new Set<string>();
  readonly manner: MemoryManner;

  constructor(clock: Clock, manner: Partial<MemoryManner> = {}) {
    this.#clock = clock;
    this.manner = { carrier: "memory", dialect: "entmoot/1", proof: "key", ...manner };
  }

  /** A node's carrier. Throws `conflict` while an open one has the same key. */
  join(key: PublicKey, limits: Partial<TransportLimits> = {}): MemoryTransport {
    if (this.#nodes.has(key))
      throw new EntmootError("conflict", `memory network: node ${shortKey(key)} is already here`);
    const node = new MemoryTransport(this, this.#clock, key, { ...DEFAULT_LIMITS, ...limits });
    this.#nodes.set(key, node);
    return node;
  }

  /** Loses the connection between two nodes and every stream on it, and refuses new ones until `heal`. */
  cut(a: PublicKey, b: PublicKey): void {
    this.#cuts.add(linkName(a, b));
    this.#nodes.get(a)?.lose(b, "the link is cut");
    this.#nodes.get(b)?.lose(a, "the link is cut");
  }

  heal(a: PublicKey, b: PublicKey): void {
    this.#cuts.delete(linkName(a, b));
  }

  /** For transports: who answers at `to` when `from` dials. Throws `unavailable`. */
  reach(from: PublicKey, to: PublicKey): MemoryTransport {
    const node = this.#nodes.get(to);
    if (!node) throw new EntmootError("unavailable", `peer ${shortKey(to)}: no such node on the memory network`);
    if (this.#cuts.has(linkName(from, to))) {
      throw new EntmootError("unavailable", `peer ${shortKey(to)}: the link is cut; heal it first`);
    }
    return node;
  }

  /** For transports: `node` closed. */
  leave(node: MemoryTransport): void {
    if (this.#nodes.get(node.local) === node) this.#nodes.delete(node.local);
  }
}

function linkName(a: PublicKey, b: PublicKey): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** What one node holds towards one peer. */
interface Link {
  readonly far: MemoryTransport;
  readonly streams: Set<MemoryStream>;
}

/** A node's carrier on a `MemoryNetwork`. */
export class MemoryTransport implements Transport {
  readonly carriers: readonly CarrierName[];
  readonly local: PublicKey;
  /** Where those it dials see it: of several nodes with one name, one machine. */
  host: string | undefined;
  readonly #network: MemoryNetwork;
  readonly #clock: Clock;
  readonly #limits: TransportLimits;
  readonly #budget: StreamBudget;
  readonly #rate: ConnectionRate;
  readonly #links = new Map<PublicKey, Link>();
  readonly #peerListeners: ((status: PeerStatus) => void)[] = [];
  readonly #waiting: PeerStream[] = [];
  /** Streams that peers opened and that count against the budget. */
  readonly #held = new Set<MemoryStream>();
  #handler: ((stream: PeerStream) => void) | undefined;
  #closed = false;

  /** Made by `MemoryNetwork.join`. */
  constructor(network: MemoryNetwork, clock: Clock, local: PublicKey, limits: TransportLimits) {
    this.#network = network;
    this.#clock = clock;
    this.carriers = [network.manner.carrier];
    this.local = local;
    this.#limits = limits;
    this.#budget = new StreamBudget(limits);
    this.#rate = new ConnectionRate(limits);
  }

  async open(peer: PublicKey, { signal }: DialOptions): Promise<PeerStream> {
    if (this.#closed) throw new EntmootError("unavailable", "transport: closed");
    if (signal.aborted) throw new EntmootError("timeout", `peer ${shortKey(peer)}: no time left to dial`);
    if (peer === this.local) throw new EntmootError("unavailable", `peer ${shortKey(peer)}: that is this node itself`);
    const link = this.#links.get(peer) ?? this.#connect(peer);
    let spoken = false;
    const opener: MemoryEnd = {
      remote: peer,
      host: undefined,
      events: {
        onSpoken: () => {
          if (spoken) return;
          spoken = true;
          link.far.#onStream(this.local, there);
        },
        onReleased: () => void link.streams.delete(here),
      },
    };
    const accepter: MemoryEnd = {
      remote: this.local,
      host: this.host,
      events: { onSpoken: () => {}, onReleased: () => link.far.#onReleased(this.local, there) },
    };
    const [here, there] = MemoryStream.pair({ opener, accepter }, this.#network.manner);
    link.streams.add(here);
    return here;
  }

  accept(handler: (stream: PeerStream) => void): void {
    this.#handler = handler;
    for (const stream of this.#waiting.splice(0)) handler(stream);
  }

  localHints(): readonly string[] {
    return [];
  }

  onHintsChanged(_listener: () => void): void {}

  onPeerChanged(listener: (status: PeerStatus) => void): void {
    this.#peerListeners.push(listener);
  }

  knowPeers(isKnown: (peer: PublicKey) => boolean): void {
    this.#budget.isKnown = isKnown;
  }

  status(peer: PublicKey): PeerStatus {
    const connected = this.#links.has(peer);
    if (!connected) return { key: peer, connected, route: "none", proof: undefined, rttMs: undefined };
    return { key: peer, connected, route: "direct", proof: this.#network.manner.proof, rttMs: 0 };
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#network.leave(this);
    for (const [peer, { far }] of [...this.#links]) {
      far.lose(this.local, "the peer closed the connection");
      this.lose(peer, "this node is closing");
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For the network: the connection with `peer` is gone. Bytes that were finished before stay readable. */
  lose(peer: PublicKey, why: string): void {
    const link = this.#links.get(peer);
    if (!link) return;
    this.#links.delete(peer);
    const error = new EntmootError("unavailable", `peer ${shortKey(peer)}: connection lost: ${why}`);
    for (const stream of [...link.streams]) stream.lose(error);
    this.#announce(peer);
  }

  #connect(peer: PublicKey): Link {
    const far = this.#network.reach(this.local, peer);
    if (!far.#rate.spend(this.local, this.#clock.steady()) || far.#links.size >= far.#limits.connectionsTotal) {
      throw new EntmootError("unavailable", `peer ${shortKey(peer)}: connection refused: the peer is at its limits`);
    }
    const link = { far, streams: new Set<MemoryStream>() };
    this.#links.set(peer, link);
    far.#links.set(this.local, { far: this, streams: new Set() });
    this.#announce(peer);
    far.#announce(this.local);
    return link;
  }

  #onStream(from: PublicKey, stream: MemoryStream): void {
    const link = this.#links.get(from);
    if (!link || !this.#budget.spend(from)) {
      stream.reset();
      return;
    }
    this.#held.add(stream);
    link.streams.add(stream);
    if (this.#handler) this.#handler(stream);
    else this.#waiting.push(stream);
  }

  #onReleased(from: PublicKey, stream: MemoryStream): void {
    if (this.#held.delete(stream)) this.#budget.giveBack(from);
    this.#links.get(from)?.streams.delete(stream);
  }

  #announce(peer: PublicKey): void {
    const status = this.status(peer);
    for (const listener of this.#peerListeners) listener(status);
  }
}
