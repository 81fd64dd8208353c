import type { MessageId } from "../../core/ids.ts";
import { keyOf } from "../../core/record/node-key.ts";
import type { Message } from "../../core/record/records.ts";
import { ASKING_MS, type Delivery, type DeliveryEvent, moved, newDelivery } from "../../machine/delivery.ts";
import type { AgentStore, DeliverRule, LedgerRow } from "../../store/agent-store.ts";
import { isApart, type StoredMessage } from "../../store/group-store.ts";
import type { Moot } from "../read/moots.ts";
import { messageOf } from "../read/unread.ts";
import type { Addressee } from "./addressee.ts";
import { dateOf, type KnownInbox } from "./moot-inbox.ts";
import { Mutes } from "./mutes.ts";

/** A message that is held here. */
export interface LookedUp {
  readonly moot: Moot;
  readonly stored: StoredMessage;
  readonly message: Message;
}

/** A row as it is made, and what moves it at once. */
export interface RowChange {
  readonly row: LedgerRow;
  readonly event: DeliveryEvent | undefined;
}

/** Tells what each message of a log means for the ledger. */
export class Look {
  readonly #moot: Moot;
  readonly #asking: Addressee;
  readonly #store: AgentStore;
  readonly #known: KnownInbox;
  readonly #nowMs: number;
  readonly #mutes: Mutes;
  readonly #rule: DeliverRule;

  constructor(
    moot: Moot,
    { asking, known, nowMs, store }: { asking: Addressee; known: KnownInbox; nowMs: number; store: AgentStore },
  ) {
    this.#moot = moot;
    this.#asking = asking;
    this.#known = known;
    this.#nowMs = nowMs;
    this.#store = store;
    this.#mutes = new Mutes(store.mutes());
    this.#rule = store.rule(moot.id);
  }

  /** `onOwn`: told of a message of this node. */
  at(stored: StoredMessage, onOwn: (message: Message) => void): RowChange[] {
    const message = messageOf(stored);
    if (this.#asking.isOwn(message)) {
      onOwn(message);
      return message.references.flatMap((id) => this.#answered(id));
    }
    const known = this.#store.row(this.#moot.id, stored.id);
    if (known !== undefined)
      return known.seq === stored.seq ? [] : [{ row: { ...known, seq: stored.seq }, event: undefined }];
    const dateMs = dateOf(stored, message);
    if (stored.seq <= this.#known.doneSeq || dateMs < this.#known.historyMs) return [];
    const author = keyOf(message.author);
    if (this.#mutes.hides(author, this.#moot.id, this.#nowMs) || this.#mutes.covers(author, this.#moot.id, dateMs))
      return [];
    if (!this.#asking.asks(message, this.#rule)) return [];
    const row = rowOf({ moot: this.#moot, stored, message }, { asks: true, nowMs: this.#nowMs });
    // Too late to wake anybody, and unread all the same.
    return [{ row: this.#nowMs - dateMs >= ASKING_MS ? overdue(row, this.#nowMs) : row, event: undefined }];
  }

  /** A message of this node names another: that one is answered, whichever way it was published. */
  #answered(id: MessageId): RowChange[] {
    const known = this.#store.row(this.#moot.id, id);
    if (known !== undefined) return known.state === "answered" ? [] : [{ row: known, event: { kind: "answer" } }];
    const stored = this.#moot.store.messages.get(id);
    if (stored === undefined || isApart(stored) || stored.seq <= this.#known.doneSeq || this.#asking.wrote(id))
      return [];
    const message = messageOf(stored);
    return [
      {
        row: rowOf({ moot: this.#moot, stored, message }, { asks: false, nowMs: this.#nowMs }),
        event: { kind: "answer" },
      },
    ];
  }
}

/** The same row when its time is over: nobody will be handed it. */
export function overdue(row: LedgerRow, nowMs: number): LedgerRow {
  const move = moved({ ...row, untilMs: nowMs }, { kind: "lapse" }, nowMs);
  return move.kind === "moved" ? { ...row, ...move.row } : row;
}

export function rowOf(
  { message, moot, stored }: LookedUp,
  { asks, nowMs }: { asks: boolean; nowMs: number },
): LedgerRow {
  const delivery: Delivery = newDelivery({ asks, untilMs: nowMs + ASKING_MS }, nowMs);
  return {
    ...delivery,
    groupId: moot.id,
    messageId: stored.id,
    seq: Math.max(0, stored.seq),
    author: keyOf(message.author),
    handedTo: undefined,
  };
}
