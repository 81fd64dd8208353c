import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { decodeSpoken, decodeStored, type Spoken } from "../../core/record/message.ts";
import type { Message } from "../../core/record/records.ts";
import type { StoredMessage } from "../../store/group-store.ts";
import { UNREAD_MAX, type UnreadMoot } from "../operations/messages.ts";
import type { Moot } from "./moots.ts";

/**
 * Moots that cannot be read while others are. One of them does not keep the others silent: it is left out, and told with
 * why. Where a moot was asked for by name, its failure is the answer.
 */
export class Unread {
  readonly #asked: GroupId | undefined;
  readonly #reasons = new Map<GroupId, string>();

  constructor(asked: GroupId | undefined) {
    this.#asked = asked;
  }

  /** Whether this one was left out. */
  has({ id }: Pick<Moot, "id">): boolean {
    return this.#reasons.has(id);
  }

  /** What `read` gives; `undefined` when the moot cannot be read. */
  reading<T>(moot: Pick<Moot, "id">, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.note(moot, error);
      return undefined;
    }
  }

  /** The same of what takes its time. */
  async readingOn<T>(moot: Pick<Moot, "id">, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      this.note(moot, error);
      return undefined;
    }
  }

  /** Gives the moot with why, where that is news. Throws what is no failure of a moot, and of one that was asked for. */
  note({ id }: Pick<Moot, "id">, error: unknown): UnreadMoot | undefined {
    if (!(error instanceof EntmootError)) throw error;
    const reason = `group ${GroupId.toBase64(id)}: ${error.message}`;
    if (id === this.#asked) throw new EntmootError(error.code, reason, { cause: error });
    if (this.#reasons.get(id) === reason) return undefined;
    this.#reasons.set(id, reason);
    return { group_id: id, reason };
  }

  /** All that were left out, as many as an answer holds. */
  get moots(): UnreadMoot[] {
    return [...this.#reasons].slice(0, UNREAD_MAX).map(([group_id, reason]) => ({ group_id, reason }));
  }
}

/** What a stored message is. Throws `data_root_invalid` naming it, for what is kept was sound when it was stored. */
export function messageOf(stored: StoredMessage): Message {
  return reading(stored, decodeStored);
}

/** What of it readers are shown, for less. Throws as `messageOf`. */
export function spokenIn(stored: StoredMessage): Spoken {
  return reading(stored, decodeSpoken);
}

function reading<T>({ canonical, seq }: StoredMessage, decode: (canonical: Uint8Array) => T): T {
  try {
    return decode(canonical);
  } catch (cause) {
    if (!(cause instanceof EntmootError)) throw cause;
    throw new EntmootError(
      "data_root_invalid",
      `message ${seq} is damaged in the database: ${cause.message}; restore it from a backup`,
      { cause },
    );
  }
}
