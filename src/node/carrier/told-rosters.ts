import { BoundedMap } from "../../core/bounded-map.ts";
import type { Clock, SteadyMs } from "../../core/clock.ts";
import type { PublicKey, RosterEntryId } from "../../core/ids.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import { SaltedSet } from "../../core/salted-map.ts";
import type { MachineConfig } from "../../machine/machine-config.ts";
import type { Group } from "../group/group.ts";
import type { Turns } from "../turns.ts";
import type { ForksTold, LookAtPage } from "./ask-roster.ts";
import type { PeerBudget } from "./peer-budget.ts";
import { entriesMs } from "./prices.ts";

/** Ours. Peers remembered to have told a broken roster; past it the one that did so longest ago is listened to again. */
const BROKEN_MAX = 4096;

/** Takes in a peer's log, asked for: signature by signature in turns. */
export async function takeRoster(group: Group, told: readonly RosterEntry[], from: PublicKey, turns: Turns) {
  await lookAt(group, told, turns);
  return group.acceptRoster(told, from);
}

/** The same for what a peer knows of other histories. */
export async function takeForks(group: Group, told: ForksTold, from: PublicKey, turns: Turns) {
  await lookAt(group, told.entries, turns);
  return group.acceptForks(told.entries, told.heals, from);
}

/** Looks at what is new in turns; `false` when some of it would not be taken. */
async function lookAt(
  group: Group,
  entries: readonly RosterEntry[],
  turns: Turns,
  seen?: SaltedSet<RosterEntryId>,
): Promise<boolean> {
  for (const steps = group.roster.lookAt(entries, seen); ; ) {
    await turns.take();
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** Looks at pages as they come, each behind those before it: what a page brings is not held behind a bad one. */
export function lookAtPages(group: Group, turns: Turns): LookAtPage {
  const seen = new SaltedSet<RosterEntryId>();
  return (entries) => lookAt(group, entries, turns, seen);
}

/**
 * Rosters that peers tell unasked: a member pays for what is new in them before a signature is looked at, and of one
 * that told a broken one nothing is listened to for a while, unless ours has changed.
 */
export class ToldRosters {
  readonly #budget: Pick<PeerBudget, "pay" | "turns">;
  readonly #clock: Pick<Clock, "steady">;
  readonly #badMs: number;
  readonly #broken = new BoundedMap<string, { readonly at: SteadyMs; readonly head: RosterEntryId }>(BROKEN_MAX);

  constructor(parts: {
    readonly budget: Pick<PeerBudget, "pay" | "turns">;
    readonly clock: Pick<Clock, "steady">;
    readonly config: MachineConfig;
  }) {
    this.#budget = parts.budget;
    this.#clock = parts.clock;
    this.#badMs = parts.config.rosterExchange.badMs;
  }

  /** Entries prove themselves by the founder's signature, whoever brings them. Throws `rate_limited`. */
  async roster(group: Group, entries: readonly RosterEntry[], from: PublicKey): Promise<void> {
    const key = `${group.id} ${from}`;
    const broken = this.#broken.get(key);
    const { head } = group.roster;
    if (broken?.head === head && this.#clock.steady() - broken.at < this.#badMs) return;
    await this.#pay(group, entries, from);
    const outcome = await takeRoster(group, entries, from, this.#budget.turns);
    if (outcome === "rejected") this.#broken.set(key, { at: this.#clock.steady(), head: group.roster.head });
  }

  /** What a member knows of other histories. Throws `rate_limited`. */
  async forks(group: Group, told: ForksTold, from: PublicKey): Promise<void> {
    await this.#pay(group, told.entries, from, told.heals.length);
    await takeForks(group, told, from, this.#budget.turns);
  }

  /** Strangers have paid with the frame: they have few, and a signature they cannot make is looked at once in each. */
  async #pay(group: Group, entries: readonly RosterEntry[], from: PublicKey, heals = 0): Promise<void> {
    if (!group.roster.members.has(from)) return;
    const news = entries.reduce((count, { id }) => (group.roster.knows(id) ? count : count + 1), 0);
    await this.#budget.pay(from, entriesMs({ entries: entries.length, news: news + heals }));
  }
}
