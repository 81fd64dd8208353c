import { BoundedMap } from "../core/bounded-map.ts";
import type { Clock, SteadyMs, UnixMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";

/** Ours. Members whose programs are told apart. */
const PEERS_MAX = 4096;
/** Ours. Earlier starts of one member that are remembered: a program that runs does not come back as an earlier one. */
const EARLIER_MAX = 8;
/** Ours. How long it is told after it was last seen: members hear of each of the two every half minute. */
const TOLD_MS = 180_000;

/** What its owner is told. */
export const TWIN_WARNING =
  "this node's key runs in another place too: a copy of this data root is in use; stop one of the two, for what both sign parts the moots they founded";

interface Starts {
  current: string;
  readonly earlier: string[];
  /** When an earlier one was heard again. */
  twinAt: SteadyMs | undefined;
}

/**
 * Whether one key runs in two places. Each start of a program draws a name for itself and says it with every question
 * for status. A name that comes back after another one did belongs to a program that never ended.
 */
export class TwinWatch {
  /** Of this process. */
  readonly instance = crypto.getRandomValues(new Uint8Array(8)).toHex();
  readonly #clock: Clock;
  readonly #starts = new BoundedMap<PublicKey, Starts>(PEERS_MAX);
  #own: { readonly steady: SteadyMs; readonly unix: UnixMs } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A member asked; whether its key runs in another place too. */
  heard(peer: PublicKey, instance: string): boolean {
    if (instance === "") return false;
    const now = this.#clock.steady();
    const starts = this.#starts.get(peer) ?? { current: instance, earlier: [], twinAt: undefined };
    this.#starts.set(peer, starts);
    if (starts.current !== instance) {
      const isBack = starts.earlier.includes(instance);
      if (isBack) starts.twinAt = now;
      else starts.earlier.push(starts.current);
      if (!starts.earlier.includes(starts.current)) starts.earlier.push(starts.current);
      starts.earlier.splice(0, starts.earlier.length - EARLIER_MAX);
      starts.current = instance;
    }
    return starts.twinAt !== undefined && now - starts.twinAt < TOLD_MS;
  }

  /** A member says that our own key runs in another place too. Gives `true` when that is news. */
  told(): boolean {
    const isNews = this.seenAt === undefined;
    this.#own = { steady: this.#clock.steady(), unix: this.#clock.unix() };
    return isNews;
  }

  /** When our own key was last seen in another place too; `undefined` when it was not of late. */
  get seenAt(): UnixMs | undefined {
    if (this.#own === undefined || this.#clock.steady() - this.#own.steady >= TOLD_MS) return undefined;
    return this.#own.unix;
  }
}
