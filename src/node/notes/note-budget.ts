import type { Clock, SteadyMs } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { BucketTable } from "../../core/policy/token-bucket.ts";

/** Ours. Signatures of notes that are checked for one sender, and for all: the latter is half a percent of a slow core. */
const OF_SENDER = { perSecond: 16, burst: 256 };
const OF_ALL = { perSecond: 64, burst: 1024 };
const SENDERS_MAX = 4096;
const ALL = "all";

/** What notes may cost beside the price of the frames they come in, so that they never take the part of messages. */
export class NoteBudget {
  readonly #clock: Pick<Clock, "steady">;
  readonly #senders = new BucketTable<SteadyMs>([OF_SENDER], SENDERS_MAX);
  readonly #all = new BucketTable<SteadyMs>([OF_ALL], 1);

  constructor(clock: Pick<Clock, "steady">) {
    this.#clock = clock;
  }

  /** For one signature that `from` brings. Throws `rate_limited`. */
  spend(from: PublicKey): void {
    const now = this.#clock.steady();
    if (this.#senders.spend(from, [1], now) !== undefined) throw refusal("this peer brings");
    if (this.#all.spend(ALL, [1], now) === undefined) return;
    this.#senders.giveBack(from, [1], now);
    throw refusal("all peers bring");
  }
}

function refusal(who: string): EntmootError {
  return new EntmootError("rate_limited", `notes: ${who} more of them than are looked at; try again later`);
}
