import { EntmootError } from "../../core/errors.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { type ShownTopics, shownTopics } from "../../core/policy/topic.ts";
import type { Message } from "../../core/record/records.ts";
import type { MessageQuery, StoredMessage } from "../../store/group-store.ts";
import { Deadline } from "../../transport/wait.ts";
import type { Call } from "../operations/implementation.ts";
import {
  type MessageRow,
  type MessagesPage,
  type message,
  type messages,
  PAGE_MESSAGES_MAX,
  WAIT_MAX_MS,
} from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { arrivalsAfter, PIECE_MESSAGES } from "./arrivals.ts";
import { type Moot, type Moots, pickMoot } from "./moots.ts";
import { formatPageToken, type PagedQuestion, parsePageToken } from "./page-token.ts";
import { mootOf, Rows, seqOfPlace } from "./places.ts";
import { messageOf } from "./unread.ts";

/** Ours. A page ends once its messages have this many bytes: what one answer makes anybody hold. */
const PAGE_BYTES_MAX = 1024 * 1024;
/** Ours. Messages looked through for one page by arrival, bytes of them, and pieces for one by time, before what was found is given. */
const LOOKED_THROUGH_MAX = 4096;
const LOOKED_THROUGH_BYTES_MAX = 16 * 1024 * 1024;
const PIECES_MAX = 64;
const LIMIT_DEFAULT = 50;

/** One message by its id. */
export function oneMessage(
  moots: Moots,
  { group_id, message_id }: RequestOf<typeof message>,
): AnswerOf<typeof message> {
  const moot = pickMoot(moots, group_id);
  const stored = moot.store.messages.get(message_id);
  if (stored !== undefined) return new Rows(moot).of(stored);
  throw new EntmootError(
    "not_found",
    "no such message is held here; it may not have arrived yet, or be past its retention",
  );
}

/** A page of messages, by time or by arrival. */
export async function pageOfMessages(
  moots: Moots,
  request: RequestOf<typeof messages>,
  call: AskingForPage,
): Promise<MessagesPage> {
  const { after, group_id } = request;
  // A place names its moot.
  const moot =
    after === undefined || group_id !== undefined ? pickMoot(moots, group_id) : mootOf(moots, after, undefined);
  const { limit = LIMIT_DEFAULT, by = "time" } = request;
  if (limit < 1 || limit > PAGE_MESSAGES_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${PAGE_MESSAGES_MAX}, found ${limit}`);
  }
  const asked = { ...request, limit, shown: shownTopics(request) };
  if (by === "time") {
    refuseOther(request, by, ["after", "wait_ms"]);
    using _turn = await call.turnToGather?.();
    return await pageByTime(moots, moot, asked, call.signal);
  }
  refuseOther(request, by, ["page"]);
  if (request.order === "desc") throw new EntmootError("invalid_argument", "order: by arrival there is only asc");
  return pageByArrival(moots, moot, asked, call);
}

type AskingForPage = Pick<Call<never>, "signal" | "turnToGather">;

function refuseOther(
  request: RequestOf<typeof messages>,
  by: string,
  keys: readonly ("after" | "wait_ms" | "page")[],
): void {
  const given = keys.find((key) => request[key] !== undefined);
  if (given !== undefined) throw new EntmootError("invalid_argument", `${given}: not used with by ${by}`);
}

interface AskedPage extends RequestOf<typeof messages> {
  readonly limit: number;
  readonly shown: ShownTopics;
}

async function pageByTime(
  { turns }: Moots,
  moot: Moot,
  request: AskedPage,
  signal: AbortSignal,
): Promise<MessagesPage> {
  const { author, limit, order = "desc", page, reserved, shown, since, topic, until } = request;
  const filter: Omit<MessageQuery, "limit" | "from"> = {
    order,
    ...(author === undefined ? {} : { author_node_id: author }),
    ...(shown.pattern === undefined ? {} : { topic: shown.pattern }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  const question: PagedQuestion = { groupId: moot.id, order, topic, reserved, author, since, until };
  const rows = new Rows(moot);
  const found: MessageRow[] = [];
  let from = page === undefined ? undefined : parsePageToken(page, question);
  let bytes = 0;
  const upTo = (place: TimePlace): MessagesPage => {
    return { messages: found, next: formatPageToken(place, question), place: undefined, more: true };
  };
  for (let pieces = 0; ; pieces++) {
    if (from !== undefined && (pieces === PIECES_MAX || signal.aborted)) return upTo(from);
    await turns.take();
    // One more than wanted tells whether more is there.
    const size = Math.min(PIECE_MESSAGES, limit - found.length + 1);
    const piece = moot.store.messages.query({ ...filter, limit: size, ...(from === undefined ? {} : { from }) });
    for (const stored of piece.found) {
      const message = messageOf(stored);
      if (!shown.shows(message.topics)) continue;
      if (found.length === limit || bytes >= PAGE_BYTES_MAX) return upTo(timePlaceOf(found.at(-1)!));
      bytes += stored.canonical.length;
      found.push(rows.of(stored, message));
    }
    from = piece.rest;
    if (from === undefined) return { messages: found, next: undefined, place: undefined, more: false };
  }
}

function timePlaceOf({ arrived_ms, message: { author, id, timestamp } }: MessageRow): TimePlace {
  return { timestamp: arrived_ms ?? timestamp, author_node_id: author.pilot_node_id, id };
}

async function pageByArrival(moots: Moots, moot: Moot, request: AskedPage, call: AskingForPage): Promise<MessagesPage> {
  const { signal } = call;
  const after = request.after === undefined ? 0 : seqOfPlace(moot, request.after);
  const waitMs = Math.min(request.wait_ms ?? 0, WAIT_MAX_MS);
  if (waitMs === 0 || moots.changed === undefined) return (await arrived(moots, moot, after, request, call)).page;
  using deadline = new Deadline(moots.clock, waitMs, signal);
  let from = after;
  for (;;) {
    const version = moots.changed.version;
    const { page, seq } = await arrived(moots, moot, from, request, call);
    if (page.messages.length > 0 || signal.aborted || (deadline.signal.aborted && !page.more)) return page;
    from = seq;
    if (!page.more) await moots.changed.after(version, deadline.signal);
  }
}

/** What came after a number, with the number it was looked through to. Who waits wakes with all others: each has its turns. */
async function arrived(
  moots: Moots,
  moot: Moot,
  after: number,
  request: AskedPage,
  { signal, turnToGather }: AskingForPage,
): Promise<{ readonly page: MessagesPage; readonly seq: number }> {
  using _turn = await turnToGather?.();
  const rows = new Rows(moot);
  const search = new Search(rows, request);
  let seq = after;
  for await (const piece of arrivalsAfter(moots, moot, after)) {
    for (const stored of piece) {
      seq = stored.seq;
      search.look(stored);
      if (search.isFull) break;
    }
    if (search.isFull || search.isLongEnough || signal.aborted) break;
  }
  const more = moot.store.messages.arrivedAfter(seq, 1).length > 0;
  return { page: { messages: search.found, next: undefined, place: rows.place(seq), more }, seq };
}

/** What is found for one page, and how much was looked through for it. */
class Search {
  readonly found: MessageRow[] = [];
  readonly #rows: Rows;
  readonly #request: AskedPage;
  #bytes = 0;
  #looked = 0;
  #lookedBytes = 0;

  constructor(rows: Rows, request: AskedPage) {
    this.#rows = rows;
    this.#request = request;
  }

  get isFull(): boolean {
    return this.found.length === this.#request.limit || this.#bytes >= PAGE_BYTES_MAX;
  }

  get isLongEnough(): boolean {
    return this.#looked >= LOOKED_THROUGH_MAX || this.#lookedBytes >= LOOKED_THROUGH_BYTES_MAX;
  }

  look(stored: StoredMessage): void {
    const { length } = stored.canonical;
    this.#looked += 1;
    this.#lookedBytes += length;
    const message = messageOf(stored);
    if (!matches(message, stored.arrivedMs ?? message.timestamp, this.#request)) return;
    this.found.push(this.#rows.of(stored, message));
    this.#bytes += length;
  }
}

/** `date`: its own, or where views place it instead. */
function matches({ author, topics }: Message, date: bigint, filter: AskedPage): boolean {
  if (filter.author !== undefined && author.pilot_node_id !== filter.author) return false;
  if (filter.since !== undefined && date < filter.since) return false;
  if (filter.until !== undefined && date >= filter.until) return false;
  return filter.shown.shows(topics);
}
