import { EntmootError } from "../../core/errors.ts";
import { topologicalOrder } from "../../core/order/order.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { isTopic, patternFault } from "../../core/policy/topic.ts";
import type { Message } from "../../core/record/records.ts";
import { isApart, type StoredMessage } from "../../store/group-store.ts";
import { HISTORY_PAGE_MAX, type history } from "../operations/find.ts";
import type { Call } from "../operations/implementation.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { PIECE_MESSAGES } from "./arrivals.ts";
import { type Moots, pickMoot } from "./moots.ts";
import { Rows } from "./places.ts";
import { messageOf } from "./unread.ts";

/** Ours. Pieces looked through for one page, and bytes of its messages, before what was found is given. */
const PIECES_MAX = 64;
const PAGE_BYTES_MAX = 4 * 1024 * 1024;
const LIMIT_DEFAULT = 50;

/** A page of messages from the newest back. */
export async function tellHistory(
  moots: Moots,
  request: RequestOf<typeof history>,
  { signal }: Pick<Call<never>, "signal">,
): Promise<AnswerOf<typeof history>> {
  const { before, limit = LIMIT_DEFAULT, topic } = request;
  if (limit < 1 || limit > HISTORY_PAGE_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${HISTORY_PAGE_MAX}, found ${limit}`);
  }
  const moot = pickMoot(moots, request.group_id);
  // Topics that no pattern covers (`c++`, `a//b`) are looked for message by message.
  const byIndex = topic !== undefined && isTopic(topic) && patternFault(topic) === undefined ? { topic } : {};
  const found: { readonly stored: StoredMessage; readonly message: Message }[] = [];
  let from: TimePlace | undefined = before && {
    timestamp: before.timestamp_ms,
    author_node_id: before.author_node_id,
    id: before.message_id,
  };
  let bytes = 0;
  const answer = (next: TimePlace | undefined): AnswerOf<typeof history> => {
    const rows = new Rows(moot);
    const byId = new Map(found.map(({ message, stored }) => [stored.id, rows.of(stored, message)]));
    const nodes = found.map(({ message: { author, id, parents, timestamp } }) => {
      return { id, timestamp, author: author.pilot_node_id, parents };
    });
    return {
      group_id: moot.id,
      messages: topologicalOrder(nodes).map((id) => byId.get(id)!),
      next: next && { timestamp_ms: next.timestamp, author_node_id: next.author_node_id, message_id: next.id },
    };
  };
  for (let pieces = 0; ; pieces++) {
    if (from !== undefined && (pieces === PIECES_MAX || signal.aborted)) return answer(from);
    await moots.turns.take();
    // One more than wanted tells whether more is there.
    const size = Math.min(PIECE_MESSAGES, limit - found.length + 1);
    const how = from === undefined ? {} : { from };
    const piece = moot.store.messages.query({ order: "desc", ...byIndex, limit: size, ...how });
    for (const stored of piece.found) {
      const message = messageOf(stored);
      if (isApart(stored) || (topic !== undefined && !message.topics.includes(topic))) continue;
      if (found.length === limit || bytes >= PAGE_BYTES_MAX) return answer(placeOf(found.at(-1)!));
      bytes += stored.canonical.length;
      found.push({ stored, message });
    }
    from = piece.rest;
    if (from === undefined) return answer(undefined);
  }
}

function placeOf({ message, stored }: { readonly stored: StoredMessage; readonly message: Message }): TimePlace {
  const { author, id, timestamp } = message;
  return { timestamp: stored.arrivedMs ?? timestamp, author_node_id: author.pilot_node_id, id };
}
