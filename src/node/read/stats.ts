import { EntmootError } from "../../core/errors.ts";
import { isReserved } from "../../core/policy/topic.ts";
import { HOUR_MS, hourOf, type MessageStats, type MessageTally } from "../../store/search-store.ts";
import { STATS_ROWS_MAX, type StatsAnswer, type stats } from "../operations/find.ts";
import { fittingRows, jsonTextMax } from "../operations/fitting-rows.ts";
import type { Call } from "../operations/implementation.ts";
import { BODY_MAX, type RequestOf } from "../operations/operation.ts";
import { type Moots, pickMoot } from "./moots.ts";

const ROWS_DEFAULT = 20;
/** Ours. Steps of time where nobody says how long they are: what a picture shows. */
const STEPS_SHOWN = 100;
/** Ours. Steps that people count in, in hours; of longer times days together. */
const STEPS = [1, 2, 3, 6, 12, 24, 48, 168, 336, 672];
/** Ours. Room for the topics of an answer, beside the rest of it. */
const TOPICS_ROOM = {
  rowsMax: STATS_ROWS_MAX,
  answerMax: BODY_MAX / 2,
  bytesOf: ({ topic }: { topic: string }) => 128 + jsonTextMax(topic, 4096),
};

/** How many messages there are, by author, topic and time. */
export async function tellStats(
  moots: Moots,
  request: RequestOf<typeof stats>,
  { signal }: Pick<Call<never>, "signal">,
): Promise<StatsAnswer> {
  const { limit = ROWS_DEFAULT, reserved = false, step_ms = 0 } = request;
  if (limit < 1 || limit > STATS_ROWS_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${STATS_ROWS_MAX}, found ${limit}`);
  }
  if (step_ms % HOUR_MS !== 0) {
    throw new EntmootError("invalid_argument", `step_ms: expected whole hours, ${HOUR_MS} each, found ${step_ms}`);
  }
  const moot = pickMoot(moots, request.group_id);
  const { search, tallies } = moot.store.messages;
  const hours = hoursAsked(request, tallies.hours(), moots.clock.unix());
  const step = stepOf(hours, step_ms / HOUR_MS);
  const found = await inTurns(moots, tallies.statsInSteps({ ...hours, step }), signal);
  const shown = [...found.topics]
    .filter(([topic]) => reserved || !isReserved(topic))
    .map(([topic, tally]) => ({ topic, ...tally }));
  const topics = fittingRows(
    mostFirst(shown, ({ topic }) => topic),
    { ...TOPICS_ROOM, rowsMax: limit },
  );
  const authors = mostFirst(
    [...found.authors].map(([node_id, tally]) => ({ node_id, ...tally })),
    ({ node_id }) => node_id,
  );
  return {
    group_id: moot.id,
    since_ms: msOf(hours.from),
    until_ms: msOf(hours.to),
    ...sumOf(found.authors.values()),
    members: found.authors.size,
    authors: authors.slice(0, limit),
    topics: topics.rows,
    step_ms: step * HOUR_MS,
    steps: [...found.steps].map(([hour, tally]) => ({ start_ms: msOf(hour), ...tally })).slice(0, STATS_ROWS_MAX + 1),
    more: found.isCut || topics.more || authors.length > limit,
    indexing: search.progress(),
  };
}

interface Hours {
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** Where nobody says it, what there is; of an empty moot the hour that is now. */
function hoursAsked(
  { since, until }: Pick<RequestOf<typeof stats>, "since" | "until">,
  held: { readonly first: number; readonly last: number } | undefined,
  now: number,
): Hours {
  const thisHour = hourOf(BigInt(Math.floor(now)));
  const from = since === undefined ? (held?.first ?? thisHour) : hourOf(since);
  // An hour that ends with it, or that it is in the middle of, is in.
  const to = until === undefined ? (held?.last ?? thisHour) + 1 : hourOf(until - 1n) + 1;
  return { from, to: Math.max(from, to) };
}

/** Hours of a step. */
function stepOf({ from, to }: Hours, asked: number): number {
  const span = Math.max(1, to - from);
  const least = Math.ceil(span / STATS_ROWS_MAX);
  if (asked > 0) return Math.max(asked, least);
  const fitting = Math.ceil(span / STEPS_SHOWN);
  return STEPS.find((step) => step >= fitting) ?? Math.ceil(fitting / 24) * 24;
}

async function inTurns(
  { turns }: Pick<Moots, "turns">,
  steps: Generator<undefined, MessageStats>,
  signal: AbortSignal,
): Promise<MessageStats> {
  for (;;) {
    await turns.take();
    signal.throwIfAborted();
    const step = steps.next();
    if (step.done) return step.value;
  }
}

function mostFirst<Row extends MessageTally>(rows: readonly Row[], nameOf: (row: Row) => string | number): Row[] {
  return rows.toSorted((a, b) => b.messages - a.messages || b.bytes - a.bytes || (nameOf(a) < nameOf(b) ? -1 : 1));
}

function sumOf(tallies: Iterable<MessageTally>): MessageTally {
  const sum = { messages: 0, bytes: 0 };
  for (const { bytes, messages } of tallies) {
    sum.messages += messages;
    sum.bytes += bytes;
  }
  return sum;
}

function msOf(hour: number): bigint {
  return BigInt(hour) * BigInt(HOUR_MS);
}
