import type { SteadyMs } from "../core/clock.ts";
import type { MessageId, PublicKey } from "../core/ids.ts";
import type { KeySet } from "../core/salted-map.ts";
import type { Effect } from "./effect.ts";
import type { EventNamed } from "./event.ts";
import type { MessageIndex } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";
import { Pull } from "./pull.ts";
import { PullClaims } from "./pull-claims.ts";

/** How a pull ended. `failed`: it was given up. */
export interface PullEnd {
  readonly pull: Pull;
  readonly outcome: "caught_up" | "partial" | "failed";
}

/**
 * The pulls under way. One alone as long as its peer delivers, so that nothing is listed twice; as soon as it does not,
 * others start beside it, and share the ids that are lacked. So nobody holds the only place, whatever it lists.
 */
export class Pulls {
  readonly #config: MachineConfig;
  readonly #index: MessageIndex;
  readonly #claims = new PullClaims();
  readonly #pulls = new Map<PublicKey, Pull>();
  /** Differed while others delivered, the first to be asked again first. */
  readonly #waiting = new Set<PublicKey>();
  /** Were told that it is their turn: they start beside whoever started meanwhile. */
  readonly #called = new Set<PublicKey>();
  /** When somebody was called last: who was has time to start. */
  #turnsMs = Number.NEGATIVE_INFINITY;

  constructor(options: { index: MessageIndex; config: MachineConfig }) {
    this.#config = options.config;
    this.#index = options.index;
  }

  /** Ids held in memory. */
  get pending(): number {
    let pending = 0;
    for (const pull of this.#pulls.values()) pending += pull.pending;
    return pending;
  }

  /** Something has to be looked at again in a while. */
  get isBusy(): boolean {
    return this.#pulls.size > 0 || this.#waiting.size > 0;
  }

  isFetching(id: MessageId, nowMs: SteadyMs): boolean {
    return this.#claims.has(id, nowMs);
  }

  get(peer: PublicKey): Pull | undefined {
    return this.#pulls.get(peer);
  }

  /** `peer` differs: a pull from it starts, or it waits while others deliver. */
  offer(
    start: { readonly peer: PublicKey; readonly sinceMs: number; readonly isSkipped: (id: MessageId) => boolean },
    nowMs: SteadyMs,
    effects: Effect[],
    ends: PullEnd[],
  ): void {
    const { peer } = start;
    if (this.#pulls.has(peer)) return;
    const isCalled = this.#called.delete(peer);
    if (!this.#hasPlace(isCalled, nowMs, ends)) {
      if (this.#waiting.size < this.#config.catchUp.waitingMax) this.#waiting.add(peer);
      return;
    }
    this.#waiting.delete(peer);
    const pull = new Pull({ ...start, index: this.#index, claims: this.#claims, nowMs, config: this.#config });
    this.#pulls.set(peer, pull);
    pull.advance(effects, { fetch: true, nowMs });
  }

  /** Who waits and may start now: twice as many as run, so that however many deliver nothing, one soon does. */
  takeTurns(nowMs: SteadyMs): readonly PublicKey[] {
    const isSoon = this.#pulls.size > 0 && nowMs - this.#turnsMs < this.#config.pull.keepsUpMs;
    if (this.#waiting.size === 0 || isSoon || this.#someKeepsUp(nowMs)) return [];
    this.#turnsMs = nowMs;
    const turns = [...this.#waiting].slice(0, 2 * Math.max(1, this.#pulls.size));
    for (const peer of turns) {
      this.#waiting.delete(peer);
      this.#called.add(peer);
    }
    return turns;
  }

  /** Goes on with a pull; tells its end. */
  advance(pull: Pull, nowMs: SteadyMs, effects: Effect[], ends: PullEnd[]): void {
    const isHeld = pull.heldUntilMs !== undefined && nowMs < pull.heldUntilMs;
    pull.advance(effects, { fetch: !isHeld, nowMs });
    if (pull.isOver) this.#end(pull, pull.missing > 0 ? "partial" : "caught_up", ends);
  }

  onFetched(event: EventNamed<"fetched">, nowMs: SteadyMs): Pull | undefined {
    const pull = this.#pulls.get(event.from);
    pull?.onFetched(event, nowMs);
    return pull;
  }

  fail(peer: PublicKey, ends: PullEnd[]): void {
    this.#waiting.delete(peer);
    this.#called.delete(peer);
    const pull = this.#pulls.get(peer);
    if (pull !== undefined) this.#end(pull, "failed", ends);
  }

  /** Goes on with all of them, and gives up what brought nothing for long. */
  tick(nowMs: SteadyMs, effects: Effect[], ends: PullEnd[]): void {
    for (const pull of [...this.#pulls.values()]) {
      if (nowMs - pull.progressMs >= this.#config.catchUp.pullStalledMs) this.#end(pull, "failed", ends);
      else this.advance(pull, nowMs, effects, ends);
    }
  }

  keepMembers(members: KeySet<PublicKey>, ends: PullEnd[]): void {
    for (const peer of [...this.#waiting, ...this.#called, ...this.#pulls.keys()])
      if (!members.has(peer)) this.fail(peer, ends);
  }

  #hasPlace(isCalled: boolean, nowMs: SteadyMs, ends: PullEnd[]): boolean {
    if (this.#pulls.size === 0) return true;
    if (!isCalled && this.#someKeepsUp(nowMs)) return false;
    if (this.#pulls.size < this.#config.pull.pullsMax) return true;
    let idlest: Pull | undefined;
    for (const pull of this.#pulls.values()) {
      if (idlest === undefined || pull.progressMs < idlest.progressMs) idlest = pull;
    }
    if (idlest === undefined || nowMs - idlest.progressMs < this.#config.pull.turnMs) return false;
    this.#end(idlest, "failed", ends);
    return true;
  }

  #someKeepsUp(nowMs: SteadyMs): boolean {
    for (const pull of this.#pulls.values()) if (pull.keepsUp(nowMs)) return true;
    return false;
  }

  #end(pull: Pull, outcome: PullEnd["outcome"], ends: PullEnd[]): void {
    this.#pulls.delete(pull.peer);
    pull.abandon();
    ends.push({ pull, outcome });
  }
}
