import type { Connection, Endpoint } from "@number0/iroh";
import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { shortKey } from "../short-key.ts";
import type { DialOptions } from "../transport.ts";
import { settleOrAbort } from "../wait.ts";
import type { IrohConnection } from "./iroh-connection.ts";
import type { IrohConnections } from "./iroh-connections.ts";
import { connectionEnd, nativeText } from "./iroh-errors.ts";
import { type IrohHints, parseHints } from "./iroh-hints.ts";
import type { IrohLibrary } from "./iroh-library.ts";
import { IROH_DIALECT } from "./iroh-stream.ts";
import type { RelayGate } from "./relay-gate.ts";

/** Wire. Only who speaks our dialect gets a connection. */
export const ALPN: string = IROH_DIALECT;

/** Ours. Dials under way at once; each holds native memory until it ends, 30 s at the latest. */
const DIALS_MAX = 128;

/** Ours. Dials to one peer at once, when new hints arrive while old ones are still being tried. */
const DIALS_PER_PEER_MAX = 3;

interface Dial {
  readonly tried: readonly string[];
  readonly connection: Promise<IrohConnection>;
}

/** Makes connections. Callers who want the same peer share a dial; one that ends late still serves the next caller. */
export class IrohDialer {
  readonly #iroh: IrohLibrary;
  readonly #endpoint: Endpoint;
  readonly #connections: IrohConnections;
  readonly #relaysOn: boolean;
  readonly #gate: RelayGate;
  readonly #clock: Clock;
  readonly #dials = new Map<PublicKey, Dial[]>();
  readonly #alpn = Array.from(new TextEncoder().encode(ALPN));
  #count = 0;

  constructor(parts: {
    readonly iroh: IrohLibrary;
    readonly endpoint: Endpoint;
    readonly connections: IrohConnections;
    readonly relaysOn: boolean;
    readonly gate: RelayGate;
    readonly clock: Clock;
  }) {
    this.#iroh = parts.iroh;
    this.#endpoint = parts.endpoint;
    this.#connections = parts.connections;
    this.#relaysOn = parts.relaysOn;
    this.#gate = parts.gate;
    this.#clock = parts.clock;
  }

  /** A new connection. Throws `unavailable` saying why the peer cannot be reached, `timeout` when `signal` aborts. */
  async dial(peer: PublicKey, { hints, signal }: DialOptions): Promise<IrohConnection> {
    const mayAsk = (relay: string) => this.#relaysOn && this.#gate.admit(peer, relay, this.#clock.steady());
    const usable = parseHints(hints, mayAsk);
    const relayKnown = usable.relayUrl === undefined && parseHints(hints).relayUrl !== undefined;
    const tried = usable.relayUrl === undefined ? usable.direct : [...usable.direct, usable.relayUrl];
    const underWay = this.#dials.get(peer) ?? [];
    const dial =
      underWay.find((other) => tried.every((hint) => other.tried.includes(hint))) ??
      (underWay.length >= DIALS_PER_PEER_MAX ? underWay.at(-1) : undefined) ??
      this.#start(peer, usable, tried, relayKnown);
    const subject = `peer ${shortKey(peer)}: dialled ${listed(dial.tried)}`;
    return await settleOrAbort(dial.connection, { signal, subject });
  }

  #start(peer: PublicKey, hints: IrohHints, tried: readonly string[], relayKnown: boolean): Dial {
    if (this.#count >= DIALS_MAX) {
      throw new EntmootError(
        "unavailable",
        `peer ${shortKey(peer)}: ${DIALS_MAX} dials are under way; try again later`,
      );
    }
    this.#count += 1;
    // Our hints may be stale while the peer's are not: a connection it makes meanwhile serves as well.
    const first = Promise.withResolvers<IrohConnection>();
    const stopWaiting = this.#connections.onConnection(peer, first.resolve);
    const ours = this.#connect(peer, hints).then(
      (native) => this.#connections.addDialled(native),
      (error: unknown) => {
        throw new EntmootError("unavailable", `peer ${shortKey(peer)}: ${this.#reason(error, tried, relayKnown)}`, {
          cause: error,
        });
      },
    );
    ours.then(first.resolve, first.reject);
    const dial: Dial = { tried, connection: first.promise };
    this.#dials.set(peer, [...(this.#dials.get(peer) ?? []), dial]);
    const over = () => {
      this.#count -= 1;
      stopWaiting();
      const others = this.#dials.get(peer)?.filter((other) => other !== dial) ?? [];
      if (others.length > 0) this.#dials.set(peer, others);
      else this.#dials.delete(peer);
    };
    ours.then(over, over);
    return dial;
  }

  async #connect(peer: PublicKey, hints: IrohHints): Promise<Connection> {
    const id = this.#iroh.EndpointId.fromBytes(Array.from(PublicKey.toBytes(peer)));
    const address = new this.#iroh.EndpointAddr(id, hints.relayUrl ?? null, [...hints.direct]);
    return await this.#endpoint.connect(address, this.#alpn);
  }

  #reason(error: unknown, tried: readonly string[], relayKnown: boolean): string {
    const text = nativeText(error);
    if (/No addressing information/i.test(text)) {
      if (relayKnown && this.#relaysOn) {
        return 'only a relay is known for it that is not asked on the word of others: not https, within a private network, or one of too many new ones; name it with "-relay" to use it';
      }
      if (relayKnown) return 'only a relay is known for it and relays are off; start with "-relay default" to use it';
      return "no address is known for it; ask a member for a fresh invite, or wait for its next address hint";
    }
    if (/ourself/i.test(text)) return "that is this node itself";
    if (/UnknownIssuer|invalid peer certificate/i.test(text)) {
      return `another key answers at ${listed(tried)}; its address hints are out of date`;
    }
    if (/known protocol|no_application_protocol/i.test(text)) {
      return `what answers at ${listed(tried)} does not speak ${ALPN}; it may be another version`;
    }
    if (/refused to accept/i.test(text)) return "connection refused: the peer is at its limits; try again later";
    if (/timed ?out/i.test(text)) {
      return `dial timed out after tries at ${listed(tried)}; it may be offline or behind a firewall`;
    }
    if (/Endpoint is closed/i.test(text)) return "this node's transport is closed";
    return `cannot connect to ${listed(tried)}: ${connectionEnd(text)}`;
  }
}

function listed(tried: readonly string[]): string {
  return tried.length === 0 ? "the addresses it was last seen at" : tried.join(", ");
}
