import { filesAllowed } from "./descriptors.ts";

/** Ours. What a daemon without moots has open: streams, event queues, its lock, its own database, the carrier. */
const OTHERS = 24;
/** Ours. The part of the rest that is for databases; clients and peers need theirs. */
const SHARE = 1 / 2;
/** A database, its log and the index of the log. */
const FILES_EACH = 3;
/** Ours. With fewer, moots that are at work would close each other all the time. */
const OPEN_MIN = 2;
/** Ours. An open database costs memory too. */
const OPEN_MAX = 512;

/** A file that can be closed and opens itself again. */
export interface Parkable {
  /** Whether it was used since this was last asked. */
  takeRecent(): boolean;
  /** Closes it until it is next used; `false` while it is in use. */
  park(): boolean;
}

/**
 * The databases of a data root that are open. Each costs descriptors, of which a process has few: past `max` one that was
 * not used lately is closed for the next, and opens again when it is used.
 */
export class OpenFiles {
  readonly #max: number;
  /** The one that was looked at longest ago comes first. */
  readonly #open = new Set<Parkable>();

  constructor(max = openFilesMax(filesAllowed())) {
    this.#max = max;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Call before one more is opened. */
  makeRoom(): void {
    while (this.#open.size >= this.#max && this.closeOne());
  }

  opened(file: Parkable): void {
    this.#open.add(file);
  }

  closed(file: Parkable): void {
    this.#open.delete(file);
  }

  /** Closes one that was not used lately, else any that is not in use; `false` when all are. */
  closeOne(): boolean {
    for (const isLastRound of [false, true]) {
      for (const file of [...this.#open]) {
        if (file.takeRecent() && !isLastRound) {
          this.#open.delete(file);
          this.#open.add(file);
        } else if (file.park()) return true;
      }
    }
    return false;
  }
}

/** How many databases a process may have open that may have `allowed` files open. */
export function openFilesMax(allowed: number): number {
  const share = Math.floor(((allowed - OTHERS) * SHARE) / FILES_EACH);
  return Math.min(OPEN_MAX, Math.max(OPEN_MIN, share));
}
