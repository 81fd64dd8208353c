import { BoundedMap } from "../core/bounded-map.ts";
import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import type { MachineConfig } from "./machine-config.ts";

/** Which peers are not worth dialling just now. One for the node: a peer that is away is away for every group. */
export class DialBackoff {
  readonly #config: MachineConfig["dialBackoff"];
  /** In order of the last failure. */
  readonly #peers: BoundedMap<PublicKey, { failures: number; allowedMs: number }>;

  constructor(config: MachineConfig) {
    this.#config = config.dialBackoff;
    this.#peers = new BoundedMap(this.#config.peersMax);
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Milliseconds until `peer` may be dialled; 0 when it may be now. */
  waitMs(peer: PublicKey, nowMs: SteadyMs): number {
    return Math.max(0, (this.#peers.get(peer)?.allowedMs ?? 0) - nowMs);
  }

  /** A dial failed. Time alone never resets the count. */
  failed(peer: PublicKey, nowMs: SteadyMs): void {
    const failures = (this.#peers.get(peer)?.failures ?? 0) + 1;
    const waitMs = Math.min(this.#config.waitMaxMs, this.#config.waitFirstMs * 2 ** Math.min(failures - 1, 30));
    this.#peers.set(peer, { failures, allowedMs: nowMs + waitMs });
  }

  /** The peer was reached, or reached us. */
  reached(peer: PublicKey): void {
    this.#peers.delete(peer);
  }
}
