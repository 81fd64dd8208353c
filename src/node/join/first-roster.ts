import type { RosterEntry } from "../../core/record/records.ts";
import { checkGenesis, checkRosterEntry, RosterLog } from "../../core/roster/roster-log.ts";
import type { RosterRejection } from "../../core/roster/roster-rejection.ts";
import type { Turns } from "../turns.ts";

/** The log of a group of which nothing is held yet, page by page: each entry is looked at in its turn. */
export class FirstRoster {
  readonly #turns: Turns;
  readonly #entries: RosterEntry[] = [];
  #stopped: RosterRejection | undefined;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  /** How many entries were found good, one behind the other. */
  get length(): number {
    return this.#entries.length;
  }

  /** Why the entry behind them was rejected, if one was. */
  get stopped(): RosterRejection | undefined {
    return this.#stopped;
  }

  /** Those that were found good. Made anew each time. */
  log(): RosterLog {
    return RosterLog.ofVerified(this.#entries);
  }

  /** Looks at the next page; `false` once an entry was rejected, which nothing is behind. */
  async take(page: readonly RosterEntry[]): Promise<boolean> {
    for (const entry of page) {
      await this.#turns.take();
      this.#stopped = this.#check(entry);
      if (this.#stopped !== undefined) return false;
      this.#entries.push(entry);
    }
    return true;
  }

  #check(entry: RosterEntry): RosterRejection | undefined {
    const [genesis] = this.#entries;
    if (genesis === undefined) return checkGenesis(entry);
    return checkRosterEntry(entry, this.#entries.at(-1)!, genesis.subject);
  }
}
