import { type QuietRange, quietMinutesLeft } from "../core/agents/quiet-hours.ts";
import { BoundedMap } from "../core/bounded-map.ts";
import type { GroupId, PublicKey } from "../core/ids.ts";

/** How often and how deep an agent may be woken. */
export interface WakeLimits {
  /** A message further from where a talk began wakes nobody. */
  readonly hopsMax: number;
  /** A message whose chain of references comes by this agent's own words more often wakes nobody. */
  readonly ownInChainMax: number;
  /** Turns that one author may cause in one moot, and all authors together. */
  readonly pairPerMinute: number;
  readonly agentPerHour: number;
  /** When nobody is woken. */
  readonly quiet: readonly QuietRange[];
}

/** Ours. An answer, an answer to it and so on: what people settle, they settle in fewer. Rates as in the loops that users reported. */
export const WAKE_DEFAULTS: WakeLimits = {
  hopsMax: 6,
  ownInChainMax: 3,
  pairPerMinute: 10,
  agentPerHour: 30,
  quiet: [],
};

/** Why a message wakes nobody now. Without `untilMs` time alone does not end it: it is there to be pulled. */
export interface HeldBack {
  readonly reason: "hops" | "cycle" | "pair rate" | "agent rate" | "quiet hours";
  readonly untilMs: number | undefined;
}

/** A message about to wake somebody. */
export interface Waking {
  readonly groupId: GroupId;
  /** `undefined`: one whose key is none; all of those are one. */
  readonly author: PublicKey | undefined;
  readonly hop: number;
  /** Messages of this agent in the chain of references. */
  readonly ownInChain: number;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Ours. Of an agent's turns in an hour so large a part is not for those who caused as many already: nobody uses up what others need. */
const KEPT_PART = 1 / 5;
/** Ours. Pairs remembered; past it the one that was quiet longest starts anew, which the limit of the agent still bounds. */
const PAIRS_MAX = 4096;

/** Holds an agent's turns to its limits. Instants are Unix milliseconds, for they outlive a process. */
export class WakeGuards {
  limits: WakeLimits;
  /** When each turn began, oldest first. */
  readonly #pairs = new BoundedMap<string, number[]>(PAIRS_MAX);
  #turns: number[] = [];

  constructor(limits: WakeLimits = WAKE_DEFAULTS) {
    this.limits = limits;
  }

  /** `undefined`: it may wake now. `minute`: of the local day. */
  held(waking: Waking, nowMs: number, minute: number): HeldBack | undefined {
    const { hopsMax, ownInChainMax, quiet } = this.limits;
    if (waking.hop > hopsMax) return { reason: "hops", untilMs: undefined };
    if (waking.ownInChain > ownInChainMax) return { reason: "cycle", untilMs: undefined };
    const quietMs = quietMinutesLeft(quiet, minute) * MINUTE_MS;
    if (quietMs > 0) return { reason: "quiet hours", untilMs: nowMs + quietMs };
    const pair = this.#pairs.get(pairOf(waking)) ?? [];
    const pairMs = fullUntil(pair, this.limits.pairPerMinute, MINUTE_MS, nowMs);
    if (pairMs !== undefined) return { reason: "pair rate", untilMs: pairMs };
    const agentMs = fullUntil(this.#turns, this.limits.agentPerHour, HOUR_MS, nowMs) ?? this.#shareMs(pair, nowMs);
    return agentMs === undefined ? undefined : { reason: "agent rate", untilMs: agentMs };
  }

  /** Until when what is left of the hour is for others; `undefined`: it is not. */
  #shareMs(pair: readonly number[], nowMs: number): number | undefined {
    const { agentPerHour } = this.limits;
    const kept = Math.floor(agentPerHour * KEPT_PART);
    if (kept === 0) return undefined;
    const ownMs = fullUntil(pair, kept, HOUR_MS, nowMs);
    const allMs = fullUntil(this.#turns, agentPerHour - kept, HOUR_MS, nowMs);
    return ownMs === undefined || allMs === undefined ? undefined : Math.min(ownMs, allMs);
  }

  /** A turn began for these messages, one for all of them. Also of before a restart, oldest first. */
  began(wakings: readonly Pick<Waking, "author" | "groupId">[], nowMs: number): void {
    this.#turns = within([...this.#turns, nowMs], HOUR_MS, nowMs);
    for (const pair of new Set(wakings.map(pairOf))) {
      this.#pairs.set(pair, within([...(this.#pairs.get(pair) ?? []), nowMs], HOUR_MS, nowMs));
    }
  }

  /** The turn that began at `beganMs` was none: the host was busy and took nothing. */
  tookBack(wakings: readonly Pick<Waking, "author" | "groupId">[], beganMs: number): void {
    this.#turns = without(this.#turns, beganMs);
    for (const pair of new Set(wakings.map(pairOf))) {
      const instants = this.#pairs.get(pair);
      if (instants !== undefined) this.#pairs.set(pair, without(instants, beganMs));
    }
  }
}

function pairOf({ author, groupId }: Pick<Waking, "author" | "groupId">): string {
  return `${groupId}${author ?? ""}`;
}

/** A date of the clock that was set back counts for nothing, or a jump would hold everything up. */
function within(instants: readonly number[], windowMs: number, nowMs: number): number[] {
  return instants.filter((ms) => ms > nowMs - windowMs && ms <= nowMs);
}

/** When there is room for one more again; `undefined`: now. */
function fullUntil(instants: readonly number[], most: number, windowMs: number, nowMs: number): number | undefined {
  const counted = within(instants, windowMs, nowMs);
  if (counted.length < most) return undefined;
  const first = counted[counted.length - most];
  return first === undefined ? nowMs + windowMs : first + windowMs;
}

function without(instants: readonly number[], ms: number): number[] {
  const at = instants.lastIndexOf(ms);
  return at < 0 ? [...instants] : instants.toSpliced(at, 1);
}
