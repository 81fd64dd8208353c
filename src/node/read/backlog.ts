import { EntmootError } from "../../core/errors.ts";
import type { GroupId, MessageId } from "../../core/ids.ts";
import { type OrderNode, topologicalOrder } from "../../core/order/order.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { type ShownTopics, shownTopics } from "../../core/policy/topic.ts";
import { SaltedMap } from "../../core/salted-map.ts";
import type { StoredMessage } from "../../store/group-store.ts";
import type { Call } from "../operations/implementation.ts";
import type { backlog, MessageRow } from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import type { Turns } from "../turns.ts";
import { type Ahead, AheadList, LatestAhead, mergeByTime } from "./ahead.ts";
import { arrivalsAfter, PIECE_BYTES, PIECE_MESSAGES } from "./arrivals.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";
import { placeOfSeq, Rows, seqsOfPlaces } from "./places.ts";
import { messageOf, Unread } from "./unread.ts";

/** Ours. Latest messages that an agent may ask for by their number; all of them are told without being counted first. */
const AGENT_LAST_MAX = 10_000;

/** Tells what is held, oldest first or as it arrived, up to where each log stands now; gives those places. */
export async function tellBacklog(
  moots: Moots,
  { after, group_id, last, reserved, topic }: RequestOf<typeof backlog>,
  call: Call<MessageRow>,
): Promise<AnswerOf<typeof backlog>> {
  const shown = shownTopics({ topic, reserved });
  if (after !== undefined && last !== 0) {
    throw new EntmootError("invalid_argument", `last: expected 0 together with after, found ${last}`);
  }
  if (call.caller === "agent" && last !== "all" && last > AGENT_LAST_MAX) {
    throw new EntmootError("invalid_argument", `last: expected at most ${AGENT_LAST_MAX}, or all, found ${last}`);
  }
  const unread = new Unread(group_id);
  const ends = new Map<GroupId, number>();
  const asked = (group_id === undefined ? moots.moots() : [requireMoot(moots, group_id)]).filter((moot) => {
    const end = unread.reading(moot, () => moot.store.messages.lastSeq());
    if (end !== undefined) ends.set(moot.id, end);
    return end !== undefined;
  });
  if (group_id === undefined) for (const [id, error] of moots.unopened()) unread.note({ id }, error);
  const told = new Told(ends, shown, unread);
  const found = seqsOfPlaces(moots, after ?? [], group_id);
  for (const [id, { reason }] of found.unread) unread.note({ id }, reason);
  for (const [id, seq] of found.seqs) {
    await tellArrived(moots, { moot: requireMoot(moots, id), after: seq, told, call });
  }
  const latestOf = async (of: readonly Moot[], most: number): Promise<readonly AheadList[]> => {
    const held = new LatestAhead(most, moots.turns);
    for (const moot of of) {
      if (call.signal.aborted) break;
      await held.add(await latest(moots, { moot, last: most, told, call }));
    }
    return held.lists;
  };
  if (last !== 0) {
    const runs = last === "all" ? asked.map((moot) => everything(moot, unread)) : await latestOf(asked, last);
    const pace = new Pace(moots.turns);
    for (const ahead of mergeByTime(runs)) {
      await pace.keep();
      using _turn = await call.turnToTell?.();
      if (call.signal.aborted) break;
      if (unread.has(ahead.moot)) continue;
      const stored = unread.reading(ahead.moot, () => ahead.moot.store.messages.get(ahead.id));
      if (stored === undefined) continue;
      pace.spend(stored.canonical.length);
      const row = told.row(ahead.moot, stored);
      if (row !== undefined) await call.emit(row);
    }
  }
  const places = asked.flatMap((moot) => unread.reading(moot, () => placeOfSeq(moot, ends.get(moot.id)!)) ?? []);
  return { places, unread: unread.moots };
}

/** What arrived after a number, up to where the log stood when it was asked. */
async function tellArrived(
  moots: Moots,
  { after, call, moot, told }: { moot: Moot; after: number; told: Told; call: Call<MessageRow> },
): Promise<void> {
  const pieces = arrivalsAfter(moots, moot, after);
  for (;;) {
    using _turn = await call.turnToTell?.();
    if (call.signal.aborted) return;
    const next = await told.unread.readingOn(moot, () => pieces.next());
    if (next === undefined || next.done) return;
    for (const stored of next.value) {
      if (call.signal.aborted || !told.reaches(moot, stored.seq)) return;
      const row = told.row(moot, stored);
      if (told.unread.has(moot)) return;
      if (row !== undefined) await call.emit(row);
    }
  }
}

/** Gives others their turn once so many messages or so many bytes of them were read. */
class Pace {
  readonly #turns: Turns;
  #messages = PIECE_MESSAGES;
  #bytes = 0;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  spend(bytes: number): void {
    this.#messages += 1;
    this.#bytes += bytes;
  }

  async keep(): Promise<void> {
    if (this.#messages < PIECE_MESSAGES && this.#bytes < PIECE_BYTES) return;
    this.#messages = 0;
    this.#bytes = 0;
    await this.#turns.take();
  }
}

/** What of the logs is told: what matches and was there, for what arrives meanwhile belongs to what is watched. */
class Told {
  readonly unread: Unread;
  readonly #ends: ReadonlyMap<GroupId, number>;
  readonly #shown: ShownTopics;
  readonly #rows = new Map<GroupId, Rows>();

  constructor(ends: ReadonlyMap<GroupId, number>, shown: ShownTopics, unread: Unread) {
    this.#ends = ends;
    this.#shown = shown;
    this.unread = unread;
  }

  /** The pattern by which the database finds all that may be told; `undefined`: any message may be. */
  get pattern(): string | undefined {
    return this.#shown.pattern;
  }

  /** Whether the message with this number was in the log when it was asked: what is apart is told when it gets its place. */
  reaches(moot: Moot, seq: number): boolean {
    return seq > 0 && seq <= (this.#ends.get(moot.id) ?? 0);
  }

  has(moot: Moot, seq: number, topics: readonly string[]): boolean {
    return this.reaches(moot, seq) && this.#shown.shows(topics);
  }

  /** The row; `undefined` when it is not told, or cannot be read. */
  row(moot: Moot, stored: StoredMessage): MessageRow | undefined {
    return this.unread.reading(moot, () => {
      const message = messageOf(stored);
      if (!this.has(moot, stored.seq, message.topics)) return undefined;
      const rows = this.#rows.get(moot.id) ?? new Rows(moot);
      this.#rows.set(moot.id, rows);
      return rows.of(stored, message);
    });
  }
}

/** The latest that are told, in the order they have among themselves. */
async function latest(
  { turns }: Moots,
  {
    call,
    last,
    moot,
    told,
  }: { moot: Moot; last: number; told: Told; call: Pick<Call<never>, "signal" | "turnToGather"> },
): Promise<AheadList> {
  using _turn = await call.turnToGather?.();
  const { messages } = moot.store;
  const nodes: OrderNode[] = [];
  const named = new SaltedMap<MessageId, MessageId>();
  /** Many messages name the same parents: each name is kept once. */
  const once = (id: MessageId): MessageId => {
    if (!named.has(id)) named.set(id, id);
    return named.get(id)!;
  };
  const topic = told.pattern;
  let from: TimePlace | undefined;
  for (;;) {
    await turns.take();
    const piece = told.unread.reading(moot, () => {
      const { found, rest } = messages.query({
        order: "desc",
        limit: PIECE_MESSAGES,
        ...(topic === undefined ? {} : { topic }),
        ...(from === undefined ? {} : { from }),
      });
      for (const stored of found) {
        const { author, parents, topics, ...message } = messageOf(stored);
        const { id, seq } = stored;
        const timestamp = stored.arrivedMs ?? message.timestamp;
        if (told.has(moot, seq, topics)) {
          nodes.push({ id: once(id), timestamp, author: author.pilot_node_id, parents: parents.map(once) });
        }
        if (nodes.length === last) break;
      }
      return { rest };
    });
    if (piece === undefined) return AheadList.of(moot, []);
    if (nodes.length === last || piece.rest === undefined || call.signal.aborted) break;
    from = piece.rest;
  }
  const times = new SaltedMap<MessageId, bigint>();
  for (const { id, timestamp } of nodes) times.set(id, timestamp);
  const ordered = topologicalOrder(nodes).map((id) => ({ id, timestamp: times.get(id)! }));
  return AheadList.of(moot, ordered);
}

function* everything(moot: Moot, unread: Unread): Generator<Ahead> {
  let from: TimePlace | undefined;
  for (;;) {
    const after = from;
    const page = unread.reading(moot, () => moot.store.messages.shownAfter(after, PIECE_MESSAGES));
    for (const { id, timestamp } of page?.found ?? []) yield { moot, id, timestamp };
    from = page?.rest;
    if (from === undefined) return;
  }
}
