import { BoundedMap } from "../core/bounded-map.ts";
import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";

/** How much one pool may hold. */
export interface SharesLimits {
  /** For one peer. A single piece that is larger is held by who holds nothing else. */
  readonly perPeerBytes: number;
  readonly totalBytes: number;
  /** A share that has not moved for so long makes room for anybody else. */
  readonly stalledMs: number;
  /**
   * Where peers earn their room: what is held for longer than this makes room for who earned as much or more. Without it
   * nothing is earned.
   */
  readonly slowMs?: number;
}

/** Ours. What was earned counts half after so long. */
const EARNED_HALF_MS = 5_000;

/**
 * Ours. Of what a peer holds, or would hold, the part it has to have earned lately for that to count at all: a first answer
 * earns the room of the four that follow, a message now and then earns none.
 */
const EARNED_SHARE = 1 / 16;

/** Ours. Peers of whom it is known what they earned; any other has earned nothing. */
const EARNERS_MAX = 4096;

/**
 * Bytes that peers make this program hold, in one pool: never more than it may hold in all, whoever asks. Past that
 * room is made by whose bytes do not move, then by who earned less than the asker, then by who holds most; past its own
 * part a peer gets no more. Who earned more than the asker makes room only with what does not move. What is little beside
 * what is held counts as nothing: else a message once would keep a place before all who come later.
 */
export class Shares {
  readonly #limits: SharesLimits;
  readonly #byPeer = new Map<PublicKey, Set<Holding>>();
  readonly #earned = new BoundedMap<PublicKey, Earned>(EARNERS_MAX);
  #total = 0;

  constructor(limits: SharesLimits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  held(peer: PublicKey): number {
    return sum(this.#byPeer.get(peer));
  }

  /**
   * Room for `bytes` of `peer`; `undefined` when there is none. `onLost` is called when the room goes to somebody else:
   * what was held has to be dropped then, and counts as given back.
   */
  take(peer: PublicKey, bytes: number, onLost: () => void, nowMs: SteadyMs): Holding | undefined {
    const share = new Holding(this, peer, onLost, nowMs);
    return this.resize(share, bytes, nowMs) ? share : undefined;
  }

  /** `false` leaves the share as large as it is. */
  resize(share: Holding, bytes: number, nowMs: SteadyMs): boolean {
    if (share.isOver) return false;
    const { perPeerBytes, totalBytes } = this.#limits;
    const others = this.held(share.peer) - share.bytes;
    const more = bytes - share.bytes;
    if (more > 0) {
      const isAlone = others === 0 && share.bytes === 0;
      if (!isAlone && others + bytes > perPeerBytes) return false;
      while (this.#total + more > totalBytes) if (!this.#makeRoom(share.peer, others + bytes, nowMs)) return false;
    }
    this.#total += more;
    share.bytes = bytes;
    share.movedMs = nowMs;
    const shares = this.#byPeer.get(share.peer) ?? new Set();
    this.#byPeer.set(share.peer, shares.add(share));
    return true;
  }

  /** Gives back what `share` holds. */
  release(share: Holding): void {
    if (share.isOver) return;
    share.isOver = true;
    const shares = this.#byPeer.get(share.peer);
    if (shares?.delete(share)) this.#total -= share.bytes;
    if (shares?.size === 0) this.#byPeer.delete(share.peer);
  }

  /** `peer` brought so many bytes that were worth their room. */
  earn(peer: PublicKey, bytes: number, nowMs: SteadyMs): void {
    this.#earned.set(peer, { bytes: this.#earnedBy(peer, nowMs) + bytes, atMs: nowMs });
  }

  /** What somebody who holds so many bytes has earned for them. */
  #earnedFor(bytes: number, peer: PublicKey, nowMs: SteadyMs): number {
    const earned = this.#earnedBy(peer, nowMs);
    return earned < bytes * EARNED_SHARE ? 0 : earned;
  }

  #earnedBy(peer: PublicKey, nowMs: SteadyMs): number {
    const earned = this.#earned.get(peer);
    return earned === undefined ? 0 : earned.bytes * 2 ** ((earned.atMs - nowMs) / EARNED_HALF_MS);
  }

  /** Drops one share of another peer than `peer`, which would hold `wanted`. */
  #makeRoom(peer: PublicKey, wanted: number, nowMs: SteadyMs): boolean {
    const { slowMs = Number.POSITIVE_INFINITY, stalledMs } = this.#limits;
    const own = this.#earnedFor(wanted, peer, nowMs);
    let victim: { readonly share: Holding; readonly rank: readonly number[] } | undefined;
    for (const [other, shares] of this.#byPeer) {
      if (other === peer) continue;
      const held = sum(shares);
      const earned = this.#earnedFor(held, other, nowMs);
      for (const share of shares) {
        const isStalled = nowMs - share.movedMs >= stalledMs;
        const isLess = earned < own / 2 || held > wanted || nowMs - share.sinceMs >= slowMs;
        if (!isStalled && (earned > own || !isLess)) continue;
        const rank = [isStalled ? 1 : 0, -earned, held, share.bytes];
        if (victim === undefined || isGreater(rank, victim.rank)) victim = { share, rank };
      }
    }
    if (victim === undefined) return false;
    this.release(victim.share);
    victim.share.onLost();
    return true;
  }
}

/** What a peer had earned at an instant. */
interface Earned {
  readonly bytes: number;
  readonly atMs: SteadyMs;
}

/** What one stream or answer holds of a pool. Disposing gives it back. */
export class Holding implements Disposable {
  readonly peer: PublicKey;
  readonly onLost: () => void;
  readonly #shares: Shares;
  bytes = 0;
  /** Given back, or lost to somebody else. */
  isOver = false;
  readonly sinceMs: SteadyMs;
  movedMs: SteadyMs;

  constructor(shares: Shares, peer: PublicKey, onLost: () => void, nowMs: SteadyMs) {
    this.#shares = shares;
    this.peer = peer;
    this.onLost = onLost;
    this.sinceMs = nowMs;
    this.movedMs = nowMs;
  }

  resize(bytes: number, nowMs: SteadyMs): boolean {
    return this.#shares.resize(this, bytes, nowMs);
  }

  /** The peer took or sent some of it. */
  moved(nowMs: SteadyMs): void {
    this.movedMs = nowMs;
  }

  [Symbol.dispose](): void {
    this.#shares.release(this);
  }
}

function sum(shares: ReadonlySet<Holding> | undefined): number {
  let bytes = 0;
  for (const share of shares ?? []) bytes += share.bytes;
  return bytes;
}

/** By the first that differs. */
function isGreater(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((each, n) => each !== b[n]);
  return at >= 0 && a[at]! > b[at]!;
}
