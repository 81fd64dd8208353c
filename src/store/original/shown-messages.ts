import { factsOf, whetherKept } from "../../core/kept.ts";
import { decodeMessage, messageForms } from "../../core/record/message.ts";
import type { RosterLog } from "../../core/roster/roster-log.ts";
import type { MessageQuery, QueryPiece, StoredMessage } from "../group-store.ts";
import { SqliteMessageStore } from "../sqlite/sqlite-message-store.ts";
import { ANY_POLICY } from "./original-messages.ts";

/**
 * Messages of the original that somebody only looks at: a signature is verified when its message is shown, and one that
 * does not hold is left out. How many there are, their order and their root are those of all whose ids are their hashes.
 */
export class ShownMessages extends SqliteMessageStore {
  /** By number; so that what is shown again is not verified again. */
  readonly #verdicts = new Map<number, boolean>();
  #roster: RosterLog | undefined;
  #onRefused: (message: StoredMessage) => void = () => {};

  /** Until this is called nothing is verified. `onRefused` is told of each that is left out, once. */
  verifyBy(roster: RosterLog, onRefused: (message: StoredMessage) => void): void {
    this.#roster = roster;
    this.#onRefused = onRefused;
  }

  override get(id: Parameters<SqliteMessageStore["get"]>[0]): StoredMessage | undefined {
    const found = super.get(id);
    return found !== undefined && this.#holds(found) ? found : undefined;
  }

  override arrivedAfter(after: number, limit: number, maxBytes?: number): StoredMessage[] {
    const shown: StoredMessage[] = [];
    let from = after;
    // Fewer than were asked for would say that no more follow.
    for (;;) {
      const wanted = limit - shown.length;
      const page = super.arrivedAfter(from, wanted, maxBytes);
      shown.push(...page.filter((message) => this.#holds(message)));
      const isEnd = page.length === 0 || (maxBytes === undefined && page.length < wanted);
      if (isEnd || shown.length >= limit || (maxBytes !== undefined && shown.length > 0)) return shown;
      from = page.at(-1)!.seq;
    }
  }

  override query(query: MessageQuery): QueryPiece {
    const { found, rest } = super.query(query);
    return { found: found.filter((message) => this.#holds(message)), rest };
  }

  override latest(limit: number, topic?: string): StoredMessage[] {
    for (let wanted = limit; ; ) {
      const found = super.latest(wanted, topic);
      const shown = found.filter((message) => this.#holds(message));
      if (shown.length >= limit || found.length < wanted) return shown.slice(-Math.max(1, limit));
      wanted += limit - shown.length;
    }
  }

  #holds(message: StoredMessage): boolean {
    if (this.#roster === undefined) return true;
    const known = this.#verdicts.get(message.seq);
    if (known !== undefined) return known;
    const read = decodeMessage(message.canonical);
    const holds = whetherKept(factsOf(read, messageForms(read)), this.#roster, ANY_POLICY).kept;
    this.#verdicts.set(message.seq, holds);
    if (!holds) this.#onRefused(message);
    return holds;
  }
}
