import type { RosterEntry } from "../../core/record/records.ts";

/** Ours. What all candidates of all joins are heard of at a time: two rosters of full size. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;
/** Ours. And of one join from its begin to its end, whoever is asked how often: what came is read and verified each time. */
const SUM_BYTES_MAX = 128 * 1024 * 1024;

/** Ours. About what an entry has beside its policy and its parents, as it comes. */
const ENTRY_BYTES = 512;
const PARENT_BYTES = 68;

export interface JoinRoomLimits {
  readonly heldBytesMax: number;
  readonly sumBytesMax: number;
}

/** What is taken of rosters in one join, of all who are asked together: a founder can sign entries without end. */
export class JoinRoom {
  readonly #limits: JoinRoomLimits;
  readonly #held: { bytes: number };
  #sum = 0;

  /** `beside`: another join, which holds of the same. */
  constructor(
    limits: JoinRoomLimits = { heldBytesMax: HELD_BYTES_MAX, sumBytesMax: SUM_BYTES_MAX },
    beside?: JoinRoom,
  ) {
    this.#limits = limits;
    this.#held = beside === undefined ? { bytes: 0 } : beside.#held;
  }

  /** For another join at the same time, with a sum of its own. */
  beside(): JoinRoom {
    return new JoinRoom(this.#limits, this);
  }

  /** For what one candidate answers, until it is disposed of. */
  part(): JoinPart {
    let own = 0;
    return {
      take: (page) => {
        const bytes = page.reduce((sum, entry) => sum + bytesOf(entry), 0);
        const { heldBytesMax, sumBytesMax } = this.#limits;
        if (own + bytes > heldBytesMax || this.#sum + bytes > sumBytesMax) return "too much";
        if (this.#held.bytes + bytes > heldBytesMax) return "no room";
        own += bytes;
        this.#held.bytes += bytes;
        this.#sum += bytes;
        return "taken";
      },
      [Symbol.dispose]: () => {
        this.#held.bytes -= own;
        own = 0;
      },
    };
  }
}

export interface JoinPart extends Disposable {
  /**
   * Before anything of a page is looked at. `too much`: of this candidate, or of this join; `no room` while others are heard,
   * which ends. Nothing is taken then.
   */
  readonly take: (page: readonly RosterEntry[]) => "taken" | "too much" | "no room";
}

function bytesOf({ parents, policy }: RosterEntry): number {
  return ENTRY_BYTES + parents.length * PARENT_BYTES + (policy?.length ?? 0);
}
