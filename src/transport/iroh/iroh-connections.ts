import type { Connection } from "@number0/iroh";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { shortKey } from "../short-key.ts";
import type { PeerStatus } from "../transport.ts";
import { ConnectionRate, StreamBudget, type TransportLimits } from "../transport-limits.ts";
import { type ConnectionOwner, IrohConnection, TICK_MS } from "./iroh-connection.ts";
import { END } from "./iroh-errors.ts";
import type { IrohStream } from "./iroh-stream.ts";

/**
 * The live connections. Two nodes that dial each other at once hold two: both stay, both carry what either side
 * opens, and each side opens new streams on the newest it has. None is closed while a stream may be on its way.
 */
export class IrohConnections implements ConnectionOwner {
  readonly clock: Clock;
  readonly limits: TransportLimits;
  readonly budget: StreamBudget;
  readonly #rate: ConnectionRate;
  readonly #onStream: (stream: IrohStream) => void;
  /** Newest last. */
  readonly #byPeer = new Map<PublicKey, IrohConnection[]>();
  /** Where those that peers made came from. */
  readonly #hosts = new Map<IrohConnection, string>();
  readonly #listeners: ((status: PeerStatus) => void)[] = [];
  readonly #awaited = new Map<PublicKey, Set<(connection: IrohConnection) => void>>();
  #isKnown: (peer: PublicKey) => boolean = () => true;
  #count = 0;
  #timer: Disposable | undefined;

  constructor(clock: Clock, limits: TransportLimits, onStream: (stream: IrohStream) => void) {
    this.clock = clock;
    this.limits = limits;
    this.budget = new StreamBudget(limits);
    this.#rate = new ConnectionRate(limits);
    this.#onStream = onStream;
  }

  get count(): number {
    return this.#count;
  }

  knowPeers(isKnown: (peer: PublicKey) => boolean): void {
    this.#isKnown = isKnown;
    this.budget.isKnown = isKnown;
  }

  onPeerChanged(listener: (status: PeerStatus) => void): void {
    this.#listeners.push(listener);
  }

  /** The connection a new stream should use. */
  usable(peer: PublicKey): IrohConnection | undefined {
    return this.#byPeer.get(peer)?.findLast((connection) => connection.isUsable());
  }

  /** Calls `taker` with each new connection to `peer`, whoever dialled, until the returned function is called. */
  onConnection(peer: PublicKey, taker: (connection: IrohConnection) => void): () => void {
    const takers = this.#awaited.get(peer) ?? new Set();
    this.#awaited.set(peer, takers.add(taker));
    return () => {
      takers.delete(taker);
      if (takers.size === 0) this.#awaited.delete(peer);
    };
  }

  /** Takes in a connection that a peer made to us from `host`; past the limits it is closed, which the peer is told. */
  addIncoming(native: Connection, host: string): "known" | "stranger" | "refused" {
    const connection = new IrohConnection(native, this, host);
    if (!this.#rate.spend(connection.remote, connection.made) || !this.#makeRoom(connection.remote)) {
      native.close(END.limits, []);
      return "refused";
    }
    const isKnown = this.#isKnown(connection.remote);
    if (!isKnown) this.#makeRoomAmongStrangers(host);
    this.#hosts.set(connection, host);
    this.#add(connection);
    return isKnown ? "known" : "stranger";
  }

  /** Takes in a connection we made. Throws `unavailable` when too many are in use. */
  addDialled(native: Connection): IrohConnection {
    const connection = new IrohConnection(native, this);
    if (!this.#makeRoom(connection.remote)) {
      native.close(END.done, []);
      throw new EntmootError(
        "unavailable",
        `peer ${shortKey(connection.remote)}: all ${this.limits.connectionsTotal} connections are in use; try again later`,
      );
    }
    this.#add(connection);
    return connection;
  }

  status(peer: PublicKey): PeerStatus {
    const newest = this.#byPeer.get(peer)?.at(-1);
    return {
      key: peer,
      connected: newest !== undefined,
      route: newest?.route ?? "none",
      proof: newest && "key",
      rttMs: newest?.rttMs,
    };
  }

  /** Resolves when every finished stream was acknowledged. */
  async drained(): Promise<void> {
    await Promise.all([...this.#byPeer.values()].flat().map((connection) => connection.drained()));
  }

  /** Ends every connection and stream at once. */
  closeAll(): void {
    for (const connection of [...this.#byPeer.values()].flat()) {
      connection.close(END.done, "this node is closing");
      connection.dropStreams();
    }
  }

  onStream(stream: IrohStream): void {
    this.#onStream(stream);
  }

  onClosed(connection: IrohConnection): void {
    this.#hosts.delete(connection);
    const others = this.#byPeer.get(connection.remote)?.filter((other) => other !== connection) ?? [];
    this.#count -= 1;
    if (this.#count === 0) {
      this.#timer?.[Symbol.dispose]();
      this.#timer = undefined;
    }
    if (others.length > 0) {
      this.#byPeer.set(connection.remote, others);
      // Listeners are told that it was gone, for what they settled with the process before holds no more.
      if (connection.hasRestarted) {
        this.#tell({ key: connection.remote, connected: false, route: "none", proof: undefined, rttMs: undefined });
        this.#announce(connection.remote);
      }
      return;
    }
    this.#byPeer.delete(connection.remote);
    this.#announce(connection.remote);
  }

  #add(connection: IrohConnection): void {
    const others = this.#byPeer.get(connection.remote) ?? [];
    this.#byPeer.set(connection.remote, [...others, connection]);
    this.#count += 1;
    this.#timer ??= this.clock.after(TICK_MS, () => this.#tick());
    for (const other of others) other.supersede();
    connection.start();
    for (const taker of [...(this.#awaited.get(connection.remote) ?? [])]) taker(connection);
    if (others.length === 0) this.#announce(connection.remote);
  }

  #tick(): void {
    this.#timer = this.clock.after(TICK_MS, () => this.#tick());
    for (const connection of [...this.#byPeer.values()].flat()) connection.tick();
  }

  #makeRoom(peer: PublicKey): boolean {
    const ofPeer = this.#byPeer.get(peer) ?? [];
    // The peer's own oldest goes even when in use: a node that restarted may leave dead ones behind.
    if (ofPeer.length >= this.limits.connectionsPerPeer) {
      (longestIdle(ofPeer) ?? ofPeer[0])?.close(END.limits, "the peer made newer connections");
    }
    if (this.#count < this.limits.connectionsTotal) return true;
    const idle = longestIdle([...this.#byPeer.values()].flat());
    idle?.close(END.limits, "idle, and another peer needed the room");
    return idle !== undefined;
  }

  /**
   * Strangers' oldest connections go, also when in use: what a stranger has to say takes a second. Of the host that has
   * its share already, else of the one that has most: one with endless keys keeps out nobody else's.
   */
  #makeRoomAmongStrangers(host: string): void {
    const strangers = [...this.#hosts.keys()].filter(({ remote }) => !this.#isKnown(remote));
    const byHost = Map.groupBy(strangers, (connection) => this.#hosts.get(connection)!);
    const ofHost = byHost.get(host) ?? [];
    let crowd: readonly IrohConnection[] = [];
    if (ofHost.length >= this.limits.strangersPerHost) crowd = ofHost;
    else if (strangers.length >= this.limits.strangerConnections) {
      for (const held of byHost.values()) if (held.length > crowd.length) crowd = held;
    }
    crowd
      .toSorted((a, b) => a.made - b.made)
      .at(0)
      ?.close(END.limits, "other strangers needed the room");
  }

  #announce(peer: PublicKey): void {
    this.#tell(this.status(peer));
  }

  #tell(status: PeerStatus): void {
    for (const listener of this.#listeners) listener(status);
  }
}

function longestIdle(connections: readonly IrohConnection[]): IrohConnection | undefined {
  return connections.filter((connection) => connection.streams === 0).sort((a, b) => a.lastUsed - b.lastUsed)[0];
}
