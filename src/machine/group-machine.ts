import type { PublicKey } from "../core/ids.ts";
import type { Effect } from "./effect.ts";
import type { Event } from "./event.ts";
import type { MessageIndex, RosterView } from "./group-view.ts";
import type { Random } from "./random.ts";

export interface GroupMachineOptions {
  readonly local: PublicKey;
  readonly messages: MessageIndex;
  readonly roster: RosterView;
  readonly random: Random;
}

/** Everything one group does on its own: spreads, repairs, compares, retries. Starts with its first `members` event. */
export class GroupMachine {
  readonly options: GroupMachineOptions;

  constructor(options: GroupMachineOptions) {
    this.options = options;
  }

  /** Applies one event; `nowMs` never goes backwards. Gives effects in the order to start them. Never throws. */
  handle(_event: Event, _nowMs: number): Effect[] {
    return [];
  }
}
