import type { PublicKey } from "../../core/ids.ts";
import {
  RECEIPT_ROWS_MAX,
  RECEIPT_ROWS_OF_ASKER,
  type Receipt,
  type ReceiptRow,
  type ReceiptState,
} from "../../core/record/note-bodies.ts";
import type { DeliveryState } from "../../machine/delivery.ts";
import type { AgentStore, LedgerRow } from "../../store/agent-store.ts";
import type { Moot } from "../read/moots.ts";

const STATES: Readonly<Record<DeliveryState, ReceiptState>> = {
  queued: "arrived",
  claimed: "arrived",
  handed: "arrived",
  uncertain: "uncertain",
  refused: "refused",
  expired: "expired",
  delivered: "delivered",
  read: "read",
  acked: "acked",
  answered: "answered",
};

/** What this node says of the messages that asked it in a moot, and whom it says it to. */
export function ownReceipt(
  store: Pick<AgentStore, "latestAsking">,
  moot: Moot,
  nobodySinceMs: number,
): { readonly receipt: Receipt; readonly askers: ReadonlySet<PublicKey> } {
  const limits = { limit: RECEIPT_ROWS_MAX, ofAuthor: RECEIPT_ROWS_OF_ASKER };
  // Who left is told nothing, and asks no more.
  const rows = store
    .latestAsking(moot.id, limits)
    .filter(({ author }) => author !== undefined && moot.roster.members.has(author));
  const isWaiting = rows.some(({ state }) => STATES[state] === "arrived");
  const receipt = { nobodySinceMs: isWaiting ? nobodySinceMs : 0, rows: rows.map(rowOf) };
  return { receipt, askers: new Set(rows.map(({ author }) => author!)) };
}

function rowOf(row: LedgerRow): ReceiptRow {
  return {
    messageId: row.messageId,
    state: STATES[row.state],
    arrivedMs: row.queuedAtMs,
    deliveredMs: row.deliveredAtMs,
    readMs: row.readAtMs,
    doneMs: row.state === "acked" ? row.changedAtMs : row.answeredAtMs,
  };
}
