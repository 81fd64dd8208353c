import { AHEAD_MAX_MS } from "../../core/ahead.ts";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MessageId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import type { Message } from "../../core/record/records.ts";
import type { StoredMessage } from "../../store/group-store.ts";
import { KeptReceipts } from "../notes/kept-receipts.ts";
import type { ReceiptServices } from "../notes/tell-receipts.ts";
import { fittingRows } from "../operations/fitting-rows.ts";
import {
  FOUND_MAX,
  INBOX_ROOM,
  INBOX_ROWS_MAX,
  type InboxRow,
  type message_find,
  type thread,
} from "../operations/inbox.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { PIECE_MESSAGES } from "../read/arrivals.ts";
import { type Moot, type Moots, requireMoot } from "../read/moots.ts";
import { messageOf } from "../read/unread.ts";
import type { InboxServices } from "./inbox.ts";
import type { LookedUp } from "./look.ts";
import { inboxRowOf } from "./rows.ts";

/** Ours. Messages looked through for those that refer to a thread; what came later than these is not in it. */
const LOOKED_THROUGH_MAX = 16_384;

/** The message of that id, in the moot named or whichever holds it. Throws `group_not_found`, `not_found`. */
export function heldMessage(moots: Moots, id: MessageId, groupId: GroupId | undefined): LookedUp {
  const asked = groupId === undefined ? moots.moots() : [requireMoot(moots, groupId)];
  for (const moot of asked) {
    const stored = moot.store.messages.get(id);
    if (stored !== undefined) return { moot, stored, message: messageOf(stored) };
  }
  throw new EntmootError(
    "not_found",
    "no such message is held here; it may not have arrived yet, or be past its retention",
  );
}

/** What a message answers, what that answers, and what answers any of them. */
export async function tellThread(
  services: ReceiptServices,
  { group_id, message_id }: RequestOf<typeof thread>,
): Promise<AnswerOf<typeof thread>> {
  const windows = services.windows();
  const start = heldMessage(services, message_id, group_id);
  const { moot } = start;
  const window = windows.of(moot);
  await window.fill();
  const found = new Map<MessageId, LookedUp>([[message_id, start]]);
  const rootMs = await collectAncestors(services, found, start);
  await collectAnswers(services, moot, { found, sinceMs: rootMs - BigInt(AHEAD_MAX_MS) });
  const held = inOrder(found);
  const store = services.agents();
  const rows = function* (): Generator<InboxRow> {
    const kept = new KeptReceipts(moot, services);
    for (const { message, stored } of held) {
      const row = inboxRowOf(window, { message, stored, store, presence: services.presence });
      const receipts = row.self ? kept.of(message) : [];
      yield receipts.length === 0 ? row : { ...row, receipts };
    }
  };
  const fitting = fittingRows(rows(), INBOX_ROOM);
  return { group_id: moot.id, rows: fitting.rows, more: fitting.more };
}

/** Gives the date of the oldest. */
async function collectAncestors(
  services: InboxServices,
  found: Map<MessageId, LookedUp>,
  { message, moot }: LookedUp,
): Promise<bigint> {
  let oldest = message.timestamp;
  const ahead = [...message.references];
  for (let id = ahead.shift(); id !== undefined && found.size < INBOX_ROWS_MAX; id = ahead.shift()) {
    if (found.has(id)) continue;
    await services.turns.take();
    const stored = moot.store.messages.get(id);
    if (stored === undefined) continue;
    const parent = messageOf(stored);
    found.set(id, { moot, stored, message: parent });
    if (parent.timestamp < oldest) oldest = parent.timestamp;
    ahead.push(...parent.references);
  }
  return oldest;
}

/** An answer is not dated before what it answers, but for what clocks may differ. */
async function collectAnswers(
  services: InboxServices,
  moot: Moot,
  { found, sinceMs }: { readonly found: Map<MessageId, LookedUp>; readonly sinceMs: bigint },
): Promise<void> {
  let looked = 0;
  let from: TimePlace | undefined;
  do {
    await services.turns.take();
    const page = { since: sinceMs, order: "asc", limit: PIECE_MESSAGES } as const;
    const piece = moot.store.messages.query({ ...page, ...(from === undefined ? {} : { from }) });
    for (const stored of piece.found) if (found.size <= INBOX_ROWS_MAX) takeAnswer(moot, stored, found);
    looked += piece.found.length;
    from = piece.rest;
  } while (from !== undefined && looked < LOOKED_THROUGH_MAX && found.size <= INBOX_ROWS_MAX);
}

function takeAnswer(moot: Moot, stored: StoredMessage, found: Map<MessageId, LookedUp>): void {
  if (found.has(stored.id)) return;
  const message: Message = messageOf(stored);
  if (message.references.some((id) => found.has(id))) found.set(stored.id, { moot, stored, message });
}

/** By date; what a message names comes before it whatever their dates: clocks differ. */
function inOrder(found: ReadonlyMap<MessageId, LookedUp>): LookedUp[] {
  const told = new Set<MessageId>();
  const ordered: LookedUp[] = [];
  const byDate = [...found.values()].sort(compare);
  for (const each of byDate) {
    const path = [each];
    for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
      const { message, stored } = last;
      const first = message.references.find((id) => found.has(id) && !told.has(id));
      // Ids are hashes, so no chain of references comes back to where it began.
      if (first !== undefined && path.length <= found.size) path.push(found.get(first)!);
      else {
        path.pop();
        if (!told.has(stored.id)) ordered.push(last);
        told.add(stored.id);
      }
    }
  }
  return ordered;
}

function compare({ message: one, stored: a }: LookedUp, { message: other, stored: b }: LookedUp): number {
  if (one.timestamp !== other.timestamp) return one.timestamp < other.timestamp ? -1 : 1;
  return a.seq - b.seq;
}

/** Base64 of 32 bytes. */
const ID_CHARACTERS = 43;
/** Ours. 48 bits: fewer would name several of a large moot. */
const START_MIN = 8;

/** The messages whose ids begin so, as they are printed. */
export function findMessages(
  moots: Moots,
  { group_id, start }: RequestOf<typeof message_find>,
): AnswerOf<typeof message_find> {
  const { hi, lo } = rangeOf(start);
  const asked = group_id === undefined ? moots.moots() : [requireMoot(moots, group_id)];
  const found: AnswerOf<typeof message_find>["found"][number][] = [];
  for (const moot of asked) {
    const ids = moot.store.messages.idsInRange({ lo, hi, limit: FOUND_MAX - found.length });
    for (const message_id of ids) found.push({ group_id: moot.id, message_id });
    if (found.length >= FOUND_MAX) break;
  }
  return { found };
}

/** All ids that begin with these characters of base64, in either alphabet: [lo, hi), where a `hi` of zero is the end. */
function rangeOf(text: string): { readonly lo: MessageId; readonly hi: MessageId } {
  const start = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=$/, "");
  if (!/^[A-Za-z0-9+/]*$/.test(start) || start.length < START_MIN || start.length > ID_CHARACTERS) {
    throw new EntmootError(
      "invalid_argument",
      `message id: expected it whole, or its first ${START_MIN} characters or more, found ${JSON.stringify(text.slice(0, 48))}`,
    );
  }
  const low = BigInt(`0x${Uint8Array.fromBase64(start.padEnd(ID_CHARACTERS, "A")).toHex()}`);
  const bits = BigInt(Math.max(0, 256 - 6 * start.length));
  const lo = (low >> bits) << bits;
  const hi = lo + (1n << bits);
  return { lo: idOf(lo), hi: hi >> 256n === 0n ? idOf(hi) : MessageId.zero };
}

function idOf(value: bigint): MessageId {
  return MessageId.fromHex(value.toString(16).padStart(64, "0"));
}
