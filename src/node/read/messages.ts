import { EntmootError } from "../../core/errors.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { queryFinds, verifyPattern } from "../../core/policy/topic.ts";
import type { MessageQuery, MessageStore, StoredMessage } from "../../store/group-store.ts";
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
import { type Moot, type Moots, pickMoot } from "./moots.ts";
import { formatPageToken, type PagedQuestion, parsePageToken } from "./page-token.ts";
import { mootOf, Rows, seqOfPlace } from "./places.ts";

/** Ours. A page ends once its messages have this many bytes: what one answer makes anybody hold. */
const PAGE_BYTES_MAX = 1024 * 1024;
/** Ours. Messages read at a time, bytes of them, and messages looked through for one page by arrival before what was found is given. */
const READ = 64;
const READ_BYTES = 256 * 1024;
const LOOKED_THROUGH_MAX = 4096;
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
  call: Pick<Call<never>, "signal">,
): Promise<MessagesPage> {
  const { after, group_id } = request;
  // A place names its moot.
  const moot =
    after === undefined || group_id !== undefined ? pickMoot(moots, group_id) : mootOf(moots, after, undefined);
  const { limit = LIMIT_DEFAULT, by = "time" } = request;
  if (limit < 1 || limit > PAGE_MESSAGES_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${PAGE_MESSAGES_MAX}, found ${limit}`);
  }
  if (request.topic !== undefined) verifyPattern(request.topic);
  if (by === "time") {
    refuseOther(request, by, ["after", "wait_ms"]);
    return pageByTime(moot, request, limit);
  }
  refuseOther(request, by, ["page"]);
  if (request.order === "desc") throw new EntmootError("invalid_argument", "order: by arrival there is only asc");
  return pageByArrival(moots, moot, { ...request, limit }, call.signal);
}

function refuseOther(
  request: RequestOf<typeof messages>,
  by: string,
  keys: readonly ("after" | "wait_ms" | "page")[],
): void {
  const given = keys.find((key) => request[key] !== undefined);
  if (given !== undefined) throw new EntmootError("invalid_argument", `${given}: not used with by ${by}`);
}

type Filter = Pick<RequestOf<typeof messages>, "topic" | "author" | "since" | "until">;

function pageByTime(moot: Moot, request: RequestOf<typeof messages>, limit: number): MessagesPage {
  const { author, order = "desc", page, since, topic, until } = request;
  const filter: Omit<MessageQuery, "limit" | "from"> = {
    order,
    ...(author === undefined ? {} : { author_node_id: author }),
    ...(topic === undefined ? {} : { topic }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  const question: PagedQuestion = { groupId: moot.id, order, topic, author, since, until };
  const rows = new Rows(moot);
  const found: MessageRow[] = [];
  let from = page === undefined ? undefined : parsePageToken(page, question);
  let bytes = 0;
  for (;;) {
    // One more than wanted tells whether more is there.
    const size = Math.min(READ, limit - found.length + 1);
    const read = moot.store.messages.query({ ...filter, limit: size, ...(from === undefined ? {} : { from }) });
    for (const stored of read) {
      if (found.length === limit || bytes >= PAGE_BYTES_MAX) {
        return { messages: found, next: formatPageToken(from!, question), place: undefined, more: true };
      }
      bytes += stored.canonical.length;
      const row = rows.of(stored);
      found.push(row);
      from = timePlaceOf(row);
    }
    if (read.length < size) return { messages: found, next: undefined, place: undefined, more: false };
  }
}

function timePlaceOf({ message: { author, id, timestamp } }: MessageRow): TimePlace {
  return { timestamp, author_node_id: author.pilot_node_id, id };
}

async function pageByArrival(
  moots: Moots,
  moot: Moot,
  request: RequestOf<typeof messages> & { readonly limit: number },
  signal: AbortSignal,
): Promise<MessagesPage> {
  const after = request.after === undefined ? 0 : seqOfPlace(moot, request.after);
  const waitMs = Math.min(request.wait_ms ?? 0, WAIT_MAX_MS);
  if (waitMs === 0 || moots.changed === undefined) return arrived(moot, after, request).page;
  using deadline = new Deadline(moots.clock, waitMs, signal);
  let from = after;
  for (;;) {
    // All who wait wake at once, and each makes a page: others have their turn in between.
    await moots.turns.take();
    const version = moots.changed.version;
    const { page, seq } = arrived(moot, from, request);
    if (page.messages.length > 0 || (deadline.signal.aborted && !page.more)) return page;
    from = seq;
    if (!page.more) await moots.changed.after(version, deadline.signal);
  }
}

/** What came after a number, with the number it was looked through to. */
function arrived(
  moot: Moot,
  after: number,
  request: Filter & { readonly limit: number },
): { readonly page: MessagesPage; readonly seq: number } {
  const rows = new Rows(moot);
  const found: MessageRow[] = [];
  const log = new LogReader(moot.store.messages, after);
  let bytes = 0;
  let last: StoredMessage | undefined;
  let looked = 0;
  for (let stored = log.next(); stored !== undefined; stored = log.next()) {
    last = stored;
    looked += 1;
    const row = rows.of(stored);
    if (matches(row, request)) {
      found.push(row);
      bytes += stored.canonical.length;
    }
    if (found.length === request.limit || bytes >= PAGE_BYTES_MAX || looked === LOOKED_THROUGH_MAX) break;
  }
  const seq = last?.seq ?? after;
  const place = rows.place(seq);
  const more = moot.store.messages.arrivedAfter(seq, 1).length > 0;
  return { page: { messages: found, next: undefined, place, more }, seq };
}

function matches({ message: { author, timestamp, topics } }: MessageRow, filter: Filter): boolean {
  if (filter.author !== undefined && author.pilot_node_id !== filter.author) return false;
  if (filter.since !== undefined && timestamp < filter.since) return false;
  if (filter.until !== undefined && timestamp >= filter.until) return false;
  return filter.topic === undefined || queryFinds(filter.topic, topics);
}

/** The log from a number on, a few messages at a time. */
class LogReader {
  readonly #messages: MessageStore;
  #read: StoredMessage[] = [];
  #after: number;

  constructor(messages: MessageStore, after: number) {
    this.#messages = messages;
    this.#after = after;
  }

  next(): StoredMessage | undefined {
    if (this.#read.length === 0) this.#read = this.#messages.arrivedAfter(this.#after, READ, READ_BYTES).reverse();
    const stored = this.#read.pop();
    if (stored !== undefined) this.#after = stored.seq;
    return stored;
  }
}
