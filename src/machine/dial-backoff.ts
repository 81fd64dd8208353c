import type { PublicKey } from "../core/ids.ts";

/** Ours, as the original's. The first wait after a failed dial, doubling to the longest. */
export const DIAL_WAIT_FIRST_MS = 1_000;
export const DIAL_WAIT_MAX_MS = 300_000;
/** Ours. Past it the peer whose dial failed longest ago may be dialled at once. */
export const DIAL_PEERS_MAX = 4096;

/** Which peers are not worth dialling just now. One for the node: a peer that is away is away for every group. */
export class DialBackoff {
  /** In order of the last failure. */
  readonly #peers = new Map<PublicKey, { failures: number; allowedMs: number }>();

  get size(): number {
    return this.#peers.size;
  }

  /** Milliseconds until `peer` may be dialled; 0 when it may be now. */
  waitMs(peer: PublicKey, nowMs: number): number {
    return Math.max(0, (this.#peers.get(peer)?.allowedMs ?? 0) - nowMs);
  }

  /** A dial failed. Time alone never resets the count. */
  failed(peer: PublicKey, nowMs: number): void {
    const failures = (this.#peers.get(peer)?.failures ?? 0) + 1;
    const waitMs = Math.min(DIAL_WAIT_MAX_MS, DIAL_WAIT_FIRST_MS * 2 ** Math.min(failures - 1, 30));
    this.#peers.delete(peer);
    this.#peers.set(peer, { failures, allowedMs: nowMs + waitMs });
    if (this.#peers.size <= DIAL_PEERS_MAX) return;
    const [oldest] = this.#peers.keys();
    if (oldest !== undefined) this.#peers.delete(oldest);
  }

  /** The peer was reached, or reached us. */
  reached(peer: PublicKey): void {
    this.#peers.delete(peer);
  }
}
