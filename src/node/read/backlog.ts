import type { GroupId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { tailSees, verifyPattern } from "../../core/policy/topic.ts";
import { decodeMessage } from "../../core/record/message.ts";
import type { MessageStore, StoredMessage } from "../../store/group-store.ts";
import type { Call } from "../operations/implementation.ts";
import type { backlog, MessageRow } from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";
import { placeOfSeq, Rows } from "./places.ts";

/** Ours. Messages read at a time, which bounds the memory of a slow reader. */
const PAGE = 256;

/** Tells what is held, oldest first, up to where each log stands now; gives those places. */
export async function tellBacklog(
  moots: Moots,
  { group_id, last, topic }: RequestOf<typeof backlog>,
  call: Call<MessageRow>,
): Promise<AnswerOf<typeof backlog>> {
  verifyPattern(topic);
  const asked = group_id === undefined ? moots.moots() : [requireMoot(moots, group_id)];
  const ends = new Map(asked.map((moot) => [moot.id, moot.store.messages.lastSeq()]));
  if (last !== 0) {
    const runs = asked.map((moot) => heldUpTo(moot, ends.get(moot.id)!, last, topic));
    const merged = mergeByTime(runs);
    for (const row of last === "all" ? merged : [...merged].slice(-last)) {
      if (call.signal.aborted) break;
      await call.emit(row);
    }
  }
  return { places: asked.map((moot) => placeOfSeq(moot, ends.get(moot.id as GroupId)!)) };
}

/** Those that match and arrived up to `seq`: what arrives while they are told belongs to what is watched. */
function* heldUpTo(moot: Moot, seq: number, last: number | "all", topic: string): Generator<MessageRow> {
  const { messages } = moot.store;
  const rows = new Rows(moot);
  for (const stored of last === "all" ? everything(messages) : messages.latest(last, topic)) {
    if (stored.seq > seq) continue;
    const row = rows.of(stored);
    if (tailSees(topic, row.message.topics)) yield row;
  }
}

function* everything(messages: MessageStore): Generator<StoredMessage> {
  let from: TimePlace | undefined;
  for (;;) {
    const page = messages.query({ order: "asc", limit: PAGE, ...(from === undefined ? {} : { from }) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    const { timestamp, author, id } = decodeMessage(last.canonical);
    from = { timestamp, author_node_id: author.pilot_node_id, id };
  }
}

function* mergeByTime(runs: readonly Generator<MessageRow>[]): Generator<MessageRow> {
  const heads = runs.map((run) => ({ run, head: run.next() }));
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const entry of heads) {
      if (entry.head.done) continue;
      const firstRow = first?.head.value as MessageRow | undefined;
      if (firstRow === undefined || entry.head.value.message.timestamp < firstRow.message.timestamp) first = entry;
    }
    if (first === undefined || first.head.done) return;
    yield first.head.value;
    first.head = first.run.next();
  }
}
