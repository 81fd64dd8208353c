import type { SteadyMs } from "../core/clock.ts";
import type { PublicKey } from "../core/ids.ts";
import { CatchUp } from "./catch-up.ts";
import type { CopyComparison } from "./copy-comparison.ts";
import type { Effect } from "./effect.ts";
import type { Event } from "./event.ts";
import type { MessageIndex, RosterView } from "./group-view.ts";
import type { MachineConfig } from "./machine-config.ts";
import { Partners } from "./partners.ts";
import { Plumtree } from "./plumtree.ts";
import { Quarantine } from "./quarantine.ts";
import type { Random } from "./random.ts";
import { RetryQueue } from "./retry-queue.ts";
import { RosterExchange } from "./roster-exchange.ts";

export interface GroupMachineOptions {
  readonly local: PublicKey;
  readonly messages: MessageIndex;
  readonly roster: RosterView;
  readonly random: Random;
  readonly config: MachineConfig;
}

/** How full the bounded tables of a group are; see the table of limits in README.md. */
export interface GroupSizes {
  readonly partners: number;
  readonly partnersMax: number;
  readonly eager: number;
  readonly missing: number;
  readonly gathered: number;
  readonly pending: number;
  readonly refused: number;
  readonly retries: number;
  readonly quarantined: number;
  readonly quarantinedBytes: number;
}

/** Everything one group does on its own: spreads, repairs, compares, retries. Starts with its first `members` event. */
export class GroupMachine {
  readonly #local: PublicKey;
  readonly #partners: Partners;
  readonly #plumtree: Plumtree;
  readonly #catchUp: CatchUp;
  readonly #rosterExchange: RosterExchange;
  readonly #retryQueue: RetryQueue;
  readonly #quarantine: Quarantine;

  constructor({ local, messages: index, roster, random, config }: GroupMachineOptions) {
    this.#local = local;
    const partners = new Partners({ local, random: random.fork(), config });
    this.#partners = partners;
    this.#catchUp = new CatchUp({ index, partners, random: random.fork(), config });
    this.#plumtree = new Plumtree({
      index,
      partners,
      random: random.fork(),
      isBeingPulled: (id, nowMs) => this.#catchUp.isFetching(id, nowMs),
      config,
    });
    this.#rosterExchange = new RosterExchange({ roster, partners, config });
    this.#retryQueue = new RetryQueue({ random: random.fork(), partners, config });
    this.#quarantine = new Quarantine({ roster, config });
  }

  /** Applies one event; `nowMs` never goes backwards. Gives effects in the order to start them. Never throws. */
  handle(told: Event, nowMs: SteadyMs): Effect[] {
    // A node that was removed has nobody left to talk to.
    const isOut = told.kind === "members" && !told.members.has(this.#local);
    const event: Event = isOut ? { kind: "members", members: new Set() } : told;
    this.#partners.handle(event, nowMs);
    switch (event.kind) {
      case "stored":
        // Old news is not spread; the few messages of a gap may be missing elsewhere too.
        if (event.via === "pull" && event.from !== undefined && this.#catchUp.isBackfilling(event.from)) {
          return [...this.#quarantine.handle(event, nowMs), ...this.#catchUp.handle(event, nowMs)];
        }
        return this.#everyStage(event, nowMs);
      case "status":
        if (!this.#catchUp.admits(event.from, nowMs)) return [];
        // With the roster behind, the new members' messages could only go to quarantine: the roster first.
        if (this.#rosterExchange.isBehind(event)) {
          const effects = this.#rosterExchange.handle(event, nowMs);
          if (effects.length > 0) {
            this.#catchUp.postponed(event.from);
            return effects;
          }
        }
        return this.#everyStage(event, nowMs);
      case "roster": {
        const effects = this.#everyStage(event, nowMs);
        if (event.from !== undefined && event.outcome === "extended") {
          effects.push(...this.#catchUp.compareNow(event.from, nowMs));
        }
        return effects;
      }
      default:
        return this.#everyStage(event, nowMs);
    }
  }

  /** How the copy of `peer` stood to ours when they were last compared; `undefined` when they were not. */
  copyOf(peer: PublicKey): CopyComparison | undefined {
    return this.#catchUp.copyOf(peer);
  }

  sizes(): GroupSizes {
    return {
      partners: this.#partners.size,
      partnersMax: this.#partners.max,
      eager: this.#partners.eager,
      missing: this.#plumtree.missing,
      gathered: this.#plumtree.gathered,
      pending: this.#catchUp.pending,
      refused: this.#catchUp.refused,
      retries: this.#retryQueue.size,
      quarantined: this.#quarantine.size,
      quarantinedBytes: this.#quarantine.bytes,
    };
  }

  /** The stages behind the partners, which have heard the event and follow what Plumtree grafts and prunes. */
  #everyStage(event: Event, nowMs: SteadyMs): Effect[] {
    const spread = this.#plumtree.handle(event, nowMs);
    return [
      ...spread,
      ...this.#partners.follow(spread, nowMs),
      ...this.#rosterExchange.handle(event, nowMs),
      ...this.#quarantine.handle(event, nowMs),
      ...this.#catchUp.handle(event, nowMs),
      ...this.#retryQueue.handle(event, nowMs),
    ];
  }
}
