import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import { type MailboxKeys, type MailboxRow, type MailboxStore, NO_MESSAGE_READ } from "../../store/mailbox-store.ts";
import type { Call } from "../operations/implementation.ts";
import type { MailboxCursor, mailbox_ack, mailbox_cursor, mailbox_forget } from "../operations/mailbox.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moot, type Moots, pickMoot } from "../read/moots.ts";
import { mootOf, placeOfSeq, seqOfPlace } from "../read/places.ts";
import { checkRoomForClient, clientNameOf } from "./client-name.ts";
import { patiently } from "./patience.ts";
import { type ClientStanding, standingOf } from "./standing.ts";

/** What the mailbox works on. */
export interface Mailboxes extends Moots {
  readonly clock: Clock;
  readonly mailbox: MailboxStore;
}

type MailboxCall = Pick<Call<never>, "caller" | "signal">;

/** Ours. How often a row that others move meanwhile is looked at anew. */
const TRIES_MAX = 1000;

/** A client of a moot's mailbox. */
export interface MailboxClient {
  readonly moot: Moot;
  /** As it is kept. */
  readonly name: string;
}

/** Where it is. What had to be found out by its keys is kept, so that what arrives later is not taken for read. */
export async function standing(
  mailboxes: Mailboxes,
  { moot, name }: MailboxClient,
  { signal }: MailboxCall,
): Promise<ClientStanding> {
  const { clock, mailbox } = mailboxes;
  for (let tries = 0; ; tries++) {
    const row = await patiently(clock, signal, () => mailbox.row(moot.id, name));
    const found = await standingOf(mailboxes, moot, row);
    if (found.isPlaced || row === undefined || tries === TRIES_MAX) return found;
    try {
      if (keep(mailboxes, { moot, name }, row, found)) return found;
    } catch (error) {
      // Not writable here, or held: it is found out again by whoever comes next.
      if (!(error instanceof EntmootError)) throw error;
      return found;
    }
  }
}

/** `false` where the row is another by now. */
function keep(
  { clock, mailbox }: Mailboxes,
  { moot, name }: MailboxClient,
  row: MailboxRow | undefined,
  { keys, seq }: Pick<ClientStanding, "keys" | "seq">,
  checkRoom: (countOf: (prefix: string) => number) => void = () => {},
): boolean {
  const place = placeOfSeq(moot, seq);
  const [groupId, client, nowMs] = [moot.id, name, clock.unix()];
  return mailbox.put({ groupId, client, expected: row?.stamp, place, keys, nowMs, checkRoom });
}

/** The cursor object of a number in the log. */
export function cursorAt(moot: Moot, seq: number, keys: MailboxKeys): MailboxCursor {
  return { message_id: keys.messageId, timestamp_ms: keys.timestamp, place: placeOfSeq(moot, seq) };
}

/** The keys of the message with this number, which may be gone; `undefined` where they are not known any more. */
export function keysOfSeq({ store: { messages } }: Moot, seq: number): MailboxKeys | undefined {
  if (seq === 0) return NO_MESSAGE_READ;
  const messageId = messages.idAt(seq);
  const timestamp = messageId === undefined ? undefined : messages.numberOf(messageId)?.timestamp;
  return messageId === undefined || timestamp === undefined ? undefined : { messageId, timestamp };
}

/** Acknowledges everything up to a message or place. */
export async function acknowledge(
  mailboxes: Mailboxes,
  request: RequestOf<typeof mailbox_ack>,
  call: MailboxCall,
): Promise<AnswerOf<typeof mailbox_ack>> {
  const { client_id, group_id, message_id, through } = request;
  if ((message_id === undefined) === (through === undefined)) {
    const found = message_id === undefined ? "neither" : "both";
    throw new EntmootError("invalid_argument", `expected message_id or through, found ${found}`);
  }
  const name = clientNameOf(call.caller, client_id);
  // A place names its moot.
  const moot =
    through === undefined || group_id !== undefined
      ? pickMoot(mailboxes, group_id)
      : mootOf(mailboxes, through, undefined);
  const seq = through === undefined ? seqOfMessage(moot, message_id!) : seqOfPlace(moot, through);
  const known = keysOfSeq(moot, seq);
  let note: string | undefined;
  for (let tries = 0; ; tries++) {
    const row = await patiently(mailboxes.clock, call.signal, () => mailboxes.mailbox.row(moot.id, name));
    const at = await standingOf(mailboxes, moot, row);
    note ??= at.note;
    if (seq <= at.seq && at.isPlaced && row !== undefined) break;
    // Keys of what was acknowledged before say less, and nothing that is not so.
    const next = seq > at.seq ? { seq, keys: known ?? at.keys } : at;
    const checkRoom = (countOf: (prefix: string) => number) => checkRoomForClient(call.caller, countOf);
    const put = () => keep(mailboxes, { moot, name }, row, next, checkRoom);
    if (await patiently(mailboxes.clock, call.signal, put)) break;
    if (tries === TRIES_MAX)
      throw new EntmootError("unavailable", "mailbox: others move this client on and on; try again");
  }
  const said = known ?? { messageId: message_id ?? moot.store.messages.idAt(seq) ?? MessageId.zero, timestamp: 0n };
  const cursor = cursorAt(moot, seq, said);
  const { message_id: id, timestamp_ms } = cursor;
  return { client_id, group_id: moot.id, message_id: id, timestamp_ms, cursor, note };
}

function seqOfMessage({ store: { messages } }: Moot, id: MessageId): number {
  const seq = messages.numberOf(id)?.seq;
  if (seq !== undefined) return seq;
  const why = messages.has(id)
    ? ": it is set apart, as its author had been removed when it came, and shown to no client"
    : "";
  throw new EntmootError("not_found", `message ${MessageId.toBase64(id)} not found${why}`);
}

/** Where a client is, and how many messages are behind that. */
export async function tellStanding(
  mailboxes: Mailboxes,
  { client_id, group_id }: RequestOf<typeof mailbox_cursor>,
  call: MailboxCall,
): Promise<AnswerOf<typeof mailbox_cursor>> {
  const name = clientNameOf(call.caller, client_id);
  const moot = pickMoot(mailboxes, group_id);
  const { keys, note, seq } = await standing(mailboxes, { moot, name }, call);
  const unread = moot.store.messages.countAfter(seq);
  return { client_id, group_id: moot.id, cursor: cursorAt(moot, seq, keys), unread, note };
}

export async function forgetClient(
  mailboxes: Mailboxes,
  { client_id, group_id }: RequestOf<typeof mailbox_forget>,
  { caller, signal }: MailboxCall,
): Promise<AnswerOf<typeof mailbox_forget>> {
  const name = clientNameOf(caller, client_id);
  const moot = pickMoot(mailboxes, group_id);
  const forget = () => mailboxes.mailbox.forget(moot.id, name);
  return { forgotten: await patiently(mailboxes.clock, signal, forget) };
}
