import type { Clock } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import type { Log } from "../host/log.ts";
import type { DataLook, DataRoot } from "../store/data-root.ts";
import type { GroupStore } from "../store/group-store.ts";

/** Ours. Between two looks whether the data is still there, and room for more. */
const LOOK_EVERY_MS = 2_000;
/** Ours. Moots in one look, each of which costs some microseconds; the others have their turn in the next. */
const MOOTS_A_LOOK = 256;
/** Ours. Different texts about one thing that are told before it is well again. */
const TEXTS_MAX = 8;

/** How the log names what concerns no moot. */
const DATA_ROOT = "data root";

/** A group as it is looked after. */
interface MootLookedAfter {
  readonly id: GroupId;
  readonly store: Pick<GroupStore, "requireSame">;
}

export interface DataWatchParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly root: Pick<DataRoot, "look" | "onRefused">;
  readonly groups: () => readonly MootLookedAfter[];
}

/**
 * Looks, again and again, whether what a daemon stores is kept: a disk fills up, data is deleted or swapped under it, and
 * nobody need write anything to learn of it. Each thing is one line in the log when it is found, and one when it is over.
 */
export class DataWatch implements Disposable {
  readonly #parts: DataWatchParts;
  /** What was told of what is not well, by how the log names it. */
  readonly #told = new Map<string, Set<string>>();
  #next: Disposable | undefined;
  /** How many moots the looks so far have passed, going round. */
  #turn = 0;

  constructor(parts: DataWatchParts) {
    this.#parts = parts;
  }

  /** Looks from now on until it is disposed of. */
  start(): void {
    this.#parts.root.onRefused((failure) => this.#tell(DATA_ROOT, failure));
    this.#next = this.#parts.clock.after(LOOK_EVERY_MS, () => this.#lookAgain(), { idle: true });
  }

  [Symbol.dispose](): void {
    this.#next?.[Symbol.dispose]();
  }

  /** What keeps the data root as a whole from being used as it was opened, now, with the next step. */
  faults(): readonly EntmootError[] {
    return this.#lookAtRoot({ again: false }).faults;
  }

  #lookAtRoot(how: { readonly again: boolean }): DataLook {
    const found = this.#parts.root.look(how);
    if (found.faults.length === 0) this.#wellAgain(DATA_ROOT);
    for (const failure of found.faults) this.#tell(DATA_ROOT, failure);
    return found;
  }

  #lookAgain(): void {
    // Where a folder is gone, one line says so for all that were in it.
    if (!this.#lookAtRoot({ again: true }).isGone) for (const group of this.#inTurn()) this.#lookAt(group);
    this.#next = this.#parts.clock.after(LOOK_EVERY_MS, () => this.#lookAgain(), { idle: true });
  }

  #inTurn(): readonly MootLookedAfter[] {
    const groups = this.#parts.groups();
    if (groups.length <= MOOTS_A_LOOK) return groups;
    const from = this.#turn % groups.length;
    this.#turn = from + MOOTS_A_LOOK;
    return [...groups.slice(from), ...groups.slice(0, from)].slice(0, MOOTS_A_LOOK);
  }

  #lookAt({ id, store }: MootLookedAfter): void {
    try {
      store.requireSame();
      this.#wellAgain(nameOf(id));
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this.#tell(nameOf(id), error);
    }
  }

  /** The same once, until it is well again. */
  #tell(what: string, { message }: EntmootError): void {
    const told = this.#told.get(what) ?? new Set();
    if (told.has(message) || told.size >= TEXTS_MAX) return;
    this.#told.set(what, told.add(message));
    this.#parts.log.error(`${what}: ${message}`);
  }

  #wellAgain(what: string): void {
    if (this.#told.delete(what)) this.#parts.log.info(`${what}: well again`);
  }
}

function nameOf(id: GroupId): string {
  return `group ${GroupId.toBase64(id)}`;
}
