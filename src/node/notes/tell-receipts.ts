import { EntmootError } from "../../core/errors.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import type { Message } from "../../core/record/records.ts";
import type { InboxServices } from "../agents/inbox.ts";
import { heldMessage } from "../agents/thread.ts";
import { fittingRows } from "../operations/fitting-rows.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import {
  RECEIPT_CONTENT_BYTES,
  RECEIPTS_MAX,
  RECEIPTS_ROOM,
  type ReceiptsRow,
  type receipts,
} from "../operations/receipts.ts";
import { type Moot, requireMoot } from "../read/moots.ts";
import { messageOf } from "../read/unread.ts";
import { KeptReceipts, type PresenceOf } from "./kept-receipts.ts";

const LIMIT = 20;
/** Ours. Own messages of a moot that are looked through for those that asked somebody. */
const LOOKED_MAX = 2_048;
/** Ours. Between two of them everybody else has a turn. */
const PIECE = 64;

export interface ReceiptServices extends InboxServices {
  readonly presence: PresenceOf;
}

/** Messages of this node that asked somebody, the latest first, with what is known of each. */
export async function tellReceipts(
  services: ReceiptServices,
  { group_id, limit = LIMIT, message_id }: RequestOf<typeof receipts>,
): Promise<AnswerOf<typeof receipts>> {
  if (limit < 1 || limit > RECEIPTS_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${RECEIPTS_MAX}, found ${limit}`);
  }
  const windows = services.windows();
  if (message_id !== undefined) {
    const { message, moot } = heldMessage(services, message_id, group_id);
    if (!windows.of(moot).asking.isOwn(message)) {
      throw new EntmootError(
        "invalid_argument",
        'message: expected one that this node wrote, found another\'s; "entmootd thread" shows what became of it here',
      );
    }
    return { rows: [rowOf(moot, message, new KeptReceipts(moot, services))], more: false };
  }
  const found: ReceiptsRow[] = [];
  let more = false;
  for (const moot of group_id === undefined ? services.moots() : [requireMoot(services, group_id)]) {
    const rows = await rowsOf(services, moot, limit + 1);
    more ||= rows.length > limit;
    found.push(...rows);
  }
  found.sort((one, other) => (one.timestamp_ms > other.timestamp_ms ? -1 : 1));
  const fitting = fittingRows(found, { ...RECEIPTS_ROOM, rowsMax: limit });
  return { rows: fitting.rows, more: more || fitting.more };
}

async function rowsOf(services: ReceiptServices, moot: Moot, limit: number): Promise<ReceiptsRow[]> {
  const { asking } = services.windows().of(moot);
  const rows: ReceiptsRow[] = [];
  if (asking.nodeId < 0) return rows;
  const kept = new KeptReceipts(moot, services);
  const page = { author_node_id: asking.nodeId, order: "desc", limit: PIECE } as const;
  let looked = 0;
  let from: TimePlace | undefined;
  do {
    await services.turns.take();
    const piece = moot.store.messages.query({ ...page, ...(from === undefined ? {} : { from }) });
    for (const stored of piece.found) {
      const message = messageOf(stored);
      if (rows.length === limit || !asking.isOwn(message)) continue;
      const row = rowOf(moot, message, kept);
      if (row.readers.length > 0) rows.push(row);
    }
    looked += piece.found.length;
    from = piece.rest;
  } while (from !== undefined && looked < LOOKED_MAX && rows.length < limit);
  return rows;
}

function rowOf(moot: Moot, message: Message, kept: KeptReceipts): ReceiptsRow {
  return {
    group_id: moot.id,
    message_id: message.id,
    timestamp_ms: message.timestamp,
    content: message.content.subarray(0, RECEIPT_CONTENT_BYTES),
    content_bytes: message.content.length,
    readers: kept.of(message),
  };
}
