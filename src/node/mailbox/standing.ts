import { EntmootError } from "../../core/errors.ts";
import type { MessageId } from "../../core/ids.ts";
import { mootOfPlace, type Place, parsePlace } from "../../core/place.ts";
import { type MailboxKeys, type MailboxRow, type MailboxStore, NO_MESSAGE_READ } from "../../store/mailbox-store.ts";
import { arrivalsAfter } from "../read/arrivals.ts";
import type { Moot } from "../read/moots.ts";
import { spokenIn } from "../read/unread.ts";
import type { Turns } from "../turns.ts";

/** What it is found out from. */
interface Known {
  readonly mailbox: MailboxStore;
  readonly turns: Pick<Turns, "take">;
}

/** Where a client is in a moot's log. */
export interface ClientStanding {
  /** Everything up to this number is acknowledged. */
  readonly seq: number;
  readonly keys: MailboxKeys;
  /** Its place is kept, of this log and with these keys. */
  readonly isPlaced: boolean;
  /** What its owner should know. */
  readonly note: string | undefined;
}

const AT_THE_START: ClientStanding = { seq: 0, keys: NO_MESSAGE_READ, isPlaced: true, note: undefined };

/**
 * Where the client of `row` is, see docs/mailbox.md: by its place or, where the original moved it or the log is another, by its
 * keys, for which the log is read from there on as far as they reach.
 */
export async function standingOf(
  known: Known,
  moot: Pick<Moot, "id" | "store">,
  row: MailboxRow | undefined,
): Promise<ClientStanding> {
  if (row === undefined) return AT_THE_START;
  const { placed } = row;
  const seq = placed === undefined ? undefined : seqIn(moot, placed.place);
  if (row.keys === undefined) {
    const note = "what is kept of this client is damaged; it goes on where its place is, or with the first message";
    const keys = seq === undefined ? NO_MESSAGE_READ : placed!.keys;
    return { seq: seq ?? 0, keys, isPlaced: false, note };
  }
  const { keys } = row;
  const isMoved = placed === undefined || !sameKeys(placed.keys, keys);
  if (seq !== undefined && !isMoved) return { seq, keys, isPlaced: true, note: undefined };
  const covers = (isMoved ? coveredByOriginal(known, moot, keys) : undefined) ?? coveredByTime(keys);
  const reached = keys.messageId === NO_MESSAGE_READ.messageId ? 0 : await endOfRun(known, moot, seq ?? 0, covers);
  return { seq: Math.max(seq ?? 0, reached), keys, isPlaced: false, note: isMoved ? undefined : LOST_PLACE };
}

const LOST_PLACE =
  "the place of this client is of another log than the one here, as after a backup was restored: it goes on behind what is not later than the message it acknowledged last, so that nothing is passed over; what it read may come again";

export function sameKeys(one: MailboxKeys, other: MailboxKeys): boolean {
  return one.messageId === other.messageId && one.timestamp === other.timestamp;
}

/**
 * The number of a place in this log, also where the log has another id and the messages up to there are the same;
 * `undefined` where they are others.
 */
function seqIn({ id, store: { messages } }: Pick<Moot, "id" | "store">, text: string): number | undefined {
  let place: Place;
  try {
    place = parsePlace(text);
  } catch (error) {
    if (error instanceof EntmootError) return undefined;
    throw error;
  }
  if (place.moot !== mootOfPlace(id) || place.seq > messages.lastSeq()) return undefined;
  return place.sum === messages.sumAt(place.seq) ? place.seq : undefined;
}

type Covers = (message: { readonly id: MessageId; readonly timestamp: bigint }) => boolean;

/** By the order of the original's own database: what it does not hold, its clients have not read. */
function coveredByOriginal(
  { mailbox }: Pick<Known, "mailbox">,
  { id }: Pick<Moot, "id">,
  keys: MailboxKeys,
): Covers | undefined {
  let order: ReadonlyMap<MessageId, number> | undefined;
  try {
    order = mailbox.originalOrder(id);
  } catch (error) {
    // Damaged, or written just now: what is shown again for it is no loss.
    if (!(error instanceof EntmootError)) throw error;
  }
  if (order === undefined) return undefined;
  const end = order.get(keys.messageId);
  return (message) => {
    const at = order.get(message.id);
    if (at === undefined) return false;
    return end === undefined ? message.timestamp <= keys.timestamp : at <= end;
  };
}

function coveredByTime({ messageId, timestamp }: MailboxKeys): Covers {
  return (message) => message.timestamp < timestamp || (message.timestamp === timestamp && message.id <= messageId);
}

/** The number of the last message of those behind `after` that come in a row and are all covered; `after` without any. */
async function endOfRun(
  known: Pick<Known, "turns">,
  moot: Pick<Moot, "id" | "store">,
  after: number,
  covers: Covers,
): Promise<number> {
  let seq = after;
  for await (const piece of arrivalsAfter(known, moot, after)) {
    for (const stored of piece) {
      if (!covers({ id: stored.id, timestamp: spokenIn(stored).timestamp })) return seq;
      seq = stored.seq;
    }
  }
  return seq;
}
