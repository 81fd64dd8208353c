import { BoundedMap } from "../core/bounded-map.ts";
import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";

/** What strangers may take from one transport. Every figure is a maximum at one moment unless it says otherwise. */
export interface TransportLimits {
  /** Streams one peer has opened to us and we still hold. Past it, a further stream is reset. */
  readonly streamsPerPeer: number;
  /** The same over all peers, but for what is sure to each of ours. */
  readonly streamsTotal: number;
  /** Streams that one of ours may hold whatever the others do: many that hold all they may keep nobody out. */
  readonly streamsSure: number;
  /** Live connections with one peer, whoever dialled. Past it, the one idle longest makes room. */
  readonly connectionsPerPeer: number;
  /** Live connections with all peers. Past it an idle one makes room; when none is idle the newcomer is refused. */
  readonly connectionsTotal: number;
  /** Connections one peer may make to us within 60 seconds. */
  readonly connectionsPerPeerPerMinute: number;
  /** The same for strangers together: members keep the rest. Past it a stranger's oldest makes room. */
  readonly strangerConnections: number;
  /** Streams one stranger may hold; showing a link takes one. */
  readonly streamsPerStranger: number;
  /** Strangers' connections from one host; past it the oldest of them makes room. */
  readonly strangersPerHost: number;
  /** Incoming handshakes under way, of those whose address has answered once. Past it they are refused. */
  readonly handshakes: number;
  /** The same from one host, and from one program there. */
  readonly handshakesPerHost: number;
  readonly handshakesPerSource: number;
}

/** Ours. A member needs one connection and a few streams; the rest is room for bursts on a machine with little memory. */
export const DEFAULT_LIMITS: TransportLimits = {
  streamsPerPeer: 64,
  streamsTotal: 1_024,
  streamsSure: 4,
  connectionsPerPeer: 4,
  connectionsTotal: 256,
  strangerConnections: 64,
  streamsPerStranger: 4,
  connectionsPerPeerPerMinute: 8,
  strangersPerHost: 16,
  handshakes: 64,
  handshakesPerHost: 16,
  handshakesPerSource: 4,
};

/** Counts the streams that peers hold open with us. */
export class StreamBudget {
  readonly #limits: TransportLimits;
  /** Whether a peer is one of ours; until told otherwise everyone is. */
  isKnown: (peer: PublicKey) => boolean = () => true;
  readonly #byPeer = new Map<PublicKey, number>();
  #total = 0;

  constructor(limits: TransportLimits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** `false` when `peer`, or all peers together, hold as many as they may. A `true` is owed one `giveBack`. */
  spend(peer: PublicKey): boolean {
    const held = this.#byPeer.get(peer) ?? 0;
    const { streamsPerPeer, streamsPerStranger, streamsSure, streamsTotal } = this.#limits;
    const share = held >= streamsPerStranger && !this.isKnown(peer) ? streamsPerStranger : streamsPerPeer;
    if (held >= share) return false;
    if (this.#total >= streamsTotal && (held >= streamsSure || !this.isKnown(peer))) return false;
    this.#byPeer.set(peer, held + 1);
    this.#total += 1;
    return true;
  }

  giveBack(peer: PublicKey): void {
    const held = this.#byPeer.get(peer) ?? 0;
    if (held <= 1) this.#byPeer.delete(peer);
    else this.#byPeer.set(peer, held - 1);
    this.#total -= 1;
  }
}

const WINDOW_MS = 60_000;

/** Ours. Keys remembered at once; past it the one that connected longest ago is forgotten and starts afresh. */
const PEERS_REMEMBERED_MAX = 4_096;

/** Counts the connections each peer made to us in the last minute. */
export class ConnectionRate {
  readonly #perMinute: number;
  readonly #recent = new BoundedMap<PublicKey, SteadyMs[]>(PEERS_REMEMBERED_MAX);

  constructor(limits: TransportLimits) {
    this.#perMinute = limits.connectionsPerPeerPerMinute;
  }

  /** `false` when `peer` has made its share within the last minute; a refused attempt is not counted. */
  spend(peer: PublicKey, now: SteadyMs): boolean {
    const recent = (this.#recent.get(peer) ?? []).filter((at) => now - at < WINDOW_MS);
    const allowed = recent.length < this.#perMinute;
    if (allowed) recent.push(now);
    this.#recent.set(peer, recent);
    return allowed;
  }
}
