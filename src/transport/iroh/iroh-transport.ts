import type { Accepting, Endpoint, Incoming } from "@number0/iroh";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { HandshakeShares } from "../handshake-shares.ts";
import { shortKey } from "../short-key.ts";
import type { DialOptions, PeerStatus, PeerStream, Transport } from "../transport.ts";
import { DEFAULT_LIMITS, type TransportLimits } from "../transport-limits.ts";
import { atMost } from "../wait.ts";
import type { IrohConnection } from "./iroh-connection.ts";
import { IrohConnections } from "./iroh-connections.ts";
import { IrohDialer } from "./iroh-dialer.ts";
import { type BoundEndpoint, bindEndpoint, type EndpointOptions } from "./iroh-endpoint.ts";
import { END } from "./iroh-errors.ts";
import { type IrohLibrary, loadIroh } from "./iroh-library.ts";
import { dialledFrom } from "./iroh-source.ts";
import type { IrohStream } from "./iroh-stream.ts";
import { RelayGate } from "./relay-gate.ts";

export interface IrohOptions extends EndpointOptions {
  /** Where the native library is unpacked: the data root's `lib`. */
  readonly libraryDir: string;
  readonly limits?: Partial<TransportLimits>;
}

/** Ours. How long `close` waits for peers to acknowledge what was finished, in milliseconds. */
const DRAIN_MAX_MS = 2_000;

/** Ours. How long `close` waits for the goodbyes to go out, in milliseconds. */
const CLOSE_MAX_MS = 500;

/** Ours. How often our own addresses and home relay are looked at for a change, in milliseconds. */
const ADDRESS_LOOK_MS = 3_000;

/** Ours. A handshake that takes longer is dropped, in milliseconds. */
const HANDSHAKE_MAX_MS = 10_000;

/** The carrier over QUIC: the endpoint's key is the node's key, so a handshake proves who the peer is. */
export class IrohTransport implements Transport {
  readonly carriers = ["iroh"] as const;
  readonly local: PublicKey;
  readonly #clock: Clock;
  /** Let go on `close`: what is kept of it keeps the UDP socket open. */
  #endpoint: Endpoint | undefined;
  readonly #port: number;
  /** Our direct hints; `undefined` when every interface is bound and they are the ones iroh discovers. */
  readonly #boundSockets: readonly string[] | undefined;
  readonly #limits: TransportLimits;
  readonly #connections: IrohConnections;
  #dialer: IrohDialer | undefined;
  #addressTimer: Disposable;
  readonly #hintListeners: (() => void)[] = [];
  readonly #waiting: IrohStream[] = [];
  #handler: ((stream: PeerStream) => void) | undefined;
  #hints: readonly string[] = [];
  readonly #handshakes: HandshakeShares;
  #closing: Promise<void> | undefined;

  /**
   * Loads the library and binds; waits for no internet, relay or DNS. Throws `invalid_argument` for a bad option,
   * `unsupported` where this build has no iroh, `unavailable` when it cannot be loaded or bound.
   */
  static async start(options: IrohOptions): Promise<IrohTransport> {
    const iroh = await loadIroh(options.libraryDir);
    return new IrohTransport(iroh, await bindEndpoint(iroh, options), options);
  }

  private constructor(iroh: IrohLibrary, bound: BoundEndpoint, options: IrohOptions) {
    const endpoint = bound.endpoint;
    this.#clock = options.clock;
    this.#endpoint = endpoint;
    this.#port = bound.port;
    this.#boundSockets = bound.everywhere ? undefined : bound.sockets;
    this.local = PublicKey.fromBytes(Uint8Array.from(endpoint.id().toBytes()));
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#handshakes = new HandshakeShares(this.#limits);
    this.#connections = new IrohConnections(this.#clock, this.#limits, (stream) => this.#onStream(stream));
    this.#dialer = new IrohDialer({
      iroh,
      endpoint,
      connections: this.#connections,
      relaysOn: options.relay !== "off" && options.relay.length > 0,
      gate: new RelayGate({ relays: typeof options.relay === "string" ? [] : options.relay, bound: options.bind }),
      clock: options.clock,
    });
    this.#hints = this.#currentHints(endpoint);
    // The binding's own watchers abort the process: they start a task outside its runtime.
    this.#addressTimer = this.#lookInAWhile();
    void this.#acceptConnections(endpoint);
  }

  /** The UDP port in use: keep it, so that peers find this node again after a restart. */
  boundPort(): number {
    return this.#port;
  }

  async open(peer: PublicKey, options: DialOptions): Promise<PeerStream> {
    this.#openDialer();
    if (options.signal.aborted) throw new EntmootError("timeout", `peer ${shortKey(peer)}: no time left to dial`);
    const kept = this.#connections.usable(peer);
    if (kept) {
      const stream = await this.#openOn(kept, options.signal);
      if (stream) return stream;
    }
    const fresh = await this.#openDialer().dial(peer, options);
    return await fresh.open(options.signal);
  }

  accept(handler: (stream: PeerStream) => void): void {
    this.#handler = handler;
    for (const stream of this.#waiting.splice(0)) handler(stream);
  }

  knowPeers(isKnown: (peer: PublicKey) => boolean): void {
    this.#connections.knowPeers(isKnown);
  }

  localHints(): readonly string[] {
    return this.#hints;
  }

  onHintsChanged(listener: () => void): void {
    this.#hintListeners.push(listener);
  }

  onPeerChanged(listener: (status: PeerStatus) => void): void {
    this.#connections.onPeerChanged(listener);
  }

  status(peer: PublicKey): PeerStatus {
    return this.#connections.status(peer);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** `undefined` when the connection turned out to be dead, which the table knows from then on. */
  async #openOn(connection: IrohConnection, signal: AbortSignal): Promise<PeerStream | undefined> {
    try {
      return await connection.open(signal);
    } catch (error) {
      if (error instanceof EntmootError && error.code === "unavailable") return undefined;
      throw error;
    }
  }

  async #close(): Promise<void> {
    this.#addressTimer[Symbol.dispose]();
    await atMost(this.#clock, DRAIN_MAX_MS, this.#connections.drained());
    this.#connections.closeAll();
    const endpoint = this.#endpoint;
    this.#endpoint = undefined;
    this.#dialer = undefined;
    // It waits longer for a peer that no longer answers, which changes nothing for anyone.
    if (endpoint) await atMost(this.#clock, CLOSE_MAX_MS, endpoint.close());
  }

  #openDialer(): IrohDialer {
    if (!this.#dialer || this.#closing) throw new EntmootError("unavailable", "iroh: this node's transport is closed");
    return this.#dialer;
  }

  #onStream(stream: IrohStream): void {
    if (this.#closing) stream.reset();
    else if (this.#handler) this.#handler(stream);
    else this.#waiting.push(stream);
  }

  async #acceptConnections(endpoint: Endpoint): Promise<void> {
    for (;;) {
      const incoming = await endpoint.acceptNext();
      if (incoming === null) return;
      // One that fails is the stranger's affair: it left, or it does not speak our protocol.
      void this.#greet(incoming).catch(() => {});
    }
  }

  /** Nothing is kept of anyone until its address has answered once: a packet alone may come from anywhere. */
  async #greet(incoming: Incoming): Promise<void> {
    if (this.#closing || this.#limits.handshakes === 0) return await incoming.refuse();
    if (!(await incoming.remoteAddrValidated())) return await incoming.retry();
    const from = dialledFrom(await incoming.remoteAddr());
    if (!this.#handshakes.spend(from)) return await incoming.refuse();
    try {
      await this.#shakeHands(await incoming.accept(), from.host);
    } finally {
      this.#handshakes.giveBack(from);
    }
  }

  async #shakeHands(accepting: Accepting, host: string): Promise<void> {
    const connecting = accepting.connect();
    const connection = await atMost(this.#clock, HANDSHAKE_MAX_MS, connecting);
    if (connection === undefined) {
      connecting.then(
        (unwanted) => unwanted.close(END.done, []),
        () => {},
      );
    } else if (this.#closing) connection.close(END.done, []);
    else if (this.#connections.addIncoming(connection, host) === "known") this.#handshakes.know(host);
  }

  #lookInAWhile(): Disposable {
    return this.#clock.after(ADDRESS_LOOK_MS, () => this.#lookAtAddresses());
  }

  #lookAtAddresses(): void {
    if (!this.#endpoint) return;
    this.#addressTimer = this.#lookInAWhile();
    const hints = this.#currentHints(this.#endpoint);
    if (hints.join() === this.#hints.join()) return;
    this.#hints = hints;
    for (const listener of this.#hintListeners) listener();
  }

  #currentHints(endpoint: Endpoint): readonly string[] {
    const address = endpoint.addr();
    const direct = this.#boundSockets ?? address.directAddresses();
    const relayUrl = address.relayUrl();
    return relayUrl === null ? direct.toSorted() : [...direct.toSorted(), relayUrl];
  }
}
