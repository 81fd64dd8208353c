import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import type { KeySet } from "../core/salted-map.ts";
import type { CopyComparison } from "./copy-comparison.ts";
import type { MachineConfig } from "./machine-config.ts";
import type { PartnersView } from "./partners.ts";
import type { Random } from "./random.ts";

/** What is known of comparing with one member. */
export interface Comparison {
  /** When it was last tried, or compared; -Infinity when never. */
  triedMs: number;
  /** Not to be compared before. */
  readyMs: number;
  failures: number;
  /** Pulls from it that brought nothing of what it listed, in a row. Unlike a failure this holds for a new connection too. */
  undelivered: number;
  /** Not to be pulled from before, for that. */
  deliversMs: number;
  /** A question is under way since. */
  askedMs: number | undefined;
  /** What the last comparison that told something found. */
  copy: CopyComparison | undefined;
  /** Its root differed while messages were under way; asked again at this time before pulling. */
  confirmMs: number | undefined;
}

/** When each member was compared, and when it may be again. Only members, so the roster bounds it. */
export class Comparisons {
  readonly #config: MachineConfig["catchUp"];
  readonly #partners: PartnersView;
  readonly #random: Random;
  readonly #comparisons = new Map<PublicKey, Comparison>();
  #members: KeySet<PublicKey> = new Set();
  #ticks = 0;

  constructor(options: { partners: PartnersView; random: Random; config: MachineConfig }) {
    this.#config = options.config.catchUp;
    this.#partners = options.partners;
    this.#random = options.random;
  }

  keepMembers(members: KeySet<PublicKey>): void {
    this.#members = members;
    for (const peer of this.#comparisons.keys()) if (!members.has(peer)) this.#comparisons.delete(peer);
  }

  of(peer: PublicKey): Comparison {
    let comparison = this.#comparisons.get(peer);
    if (comparison === undefined) {
      comparison = {
        triedMs: Number.NEGATIVE_INFINITY,
        readyMs: Number.NEGATIVE_INFINITY,
        failures: 0,
        undelivered: 0,
        deliversMs: Number.NEGATIVE_INFINITY,
        askedMs: undefined,
        copy: undefined,
        confirmMs: undefined,
      };
      this.#comparisons.set(peer, comparison);
    }
    return comparison;
  }

  /** `undefined` when it was not compared. */
  copyOf(peer: PublicKey): CopyComparison | undefined {
    return this.#comparisons.get(peer)?.copy;
  }

  settle(peer: PublicKey, coolDownMs: readonly [number, number], nowMs: SteadyMs): void {
    const comparison = this.of(peer);
    comparison.failures = 0;
    comparison.triedMs = nowMs;
    comparison.readyMs = nowMs + this.#random.between(...coolDownMs);
  }

  backOff(peer: PublicKey, nowMs: SteadyMs): void {
    const comparison = this.of(peer);
    comparison.failures += 1;
    comparison.readyMs = nowMs + this.#failureMs(comparison.failures);
  }

  /** `peer` listed what is lacked, and nothing of it came. `lost`: its connection broke, which may be nobody's fault. */
  deliveredNothing(peer: PublicKey, why: "lost" | "idle", nowMs: SteadyMs): void {
    const comparison = this.of(peer);
    if (why === "idle" || comparison.undelivered === 0) comparison.undelivered += 1;
    comparison.deliversMs = nowMs + this.#failureMs(comparison.undelivered);
  }

  /** The member compared longest ago: mostly one we are connected with, for where most are away the others seldom answer. */
  leastRecent(nowMs: SteadyMs): PublicKey | undefined {
    const wantsStranger = this.#ticks++ % this.#config.strangerEvery === this.#config.strangerEvery - 1;
    let found: PublicKey | undefined;
    let foundMs = Number.POSITIVE_INFINITY;
    let isFoundWanted = false;
    let ties = 0;
    for (const peer of this.#members) {
      if (!this.#partners.isMember(peer)) continue;
      const comparison = this.#comparisons.get(peer);
      if (comparison !== undefined && Math.max(comparison.readyMs, comparison.deliversMs) > nowMs) continue;
      const isWanted = this.#partners.isConnected(peer) !== wantsStranger;
      const triedMs = comparison?.triedMs ?? Number.NEGATIVE_INFINITY;
      if (isWanted === isFoundWanted && triedMs === foundMs) {
        ties += 1;
        if (!this.#random.chance(1 / ties)) continue;
      } else if (isWanted === isFoundWanted ? triedMs > foundMs : isFoundWanted) continue;
      else ties = 1;
      found = peer;
      foundMs = triedMs;
      isFoundWanted = isWanted;
    }
    return found;
  }

  #failureMs(failures: number): number {
    return Math.min(this.#config.failureMaxMs, this.#config.failureFirstMs * 2 ** Math.min(failures - 1, 16));
  }
}
