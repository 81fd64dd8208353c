import { trimSpace } from "../../core/bytes/text.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { isReserved } from "../../core/policy/topic.ts";
import type { Message } from "../../core/record/records.ts";
import { formatSearchCursor, parseSearchCursor } from "../../core/search/search-cursor.ts";
import { parseSearchQuery, type SearchQuery } from "../../core/search/search-query.ts";
import { snippetOf } from "../../core/search/snippet.ts";
import { SEARCHED_CHARS_MAX } from "../../core/search/words.ts";
import { isApart, type StoredMessage } from "../../store/group-store.ts";
import type { CandidateQuery } from "../../store/search-store.ts";
import { SEARCH_RESULTS_MAX, type SearchAnswer, type SearchResult, type search } from "../operations/find.ts";
import type { Call } from "../operations/implementation.ts";
import type { RequestOf } from "../operations/operation.ts";
import { type Moots, pickMoot } from "./moots.ts";
import { messageOf } from "./unread.ts";

/** Ours. A page ends once its messages have this many bytes, or once so many pieces were looked through for it. */
const PAGE_BYTES_MAX = 1024 * 1024;
const PIECES_MAX = 64;
const PIECE_MIN = 16;
const LIMIT_DEFAULT = 50;

/** Messages that have all the words given, newest first. */
export async function searchMessages(
  moots: Moots,
  request: RequestOf<typeof search>,
  { signal }: Pick<Call<never>, "signal">,
): Promise<SearchAnswer> {
  const { limit = LIMIT_DEFAULT, page, reserved = false, since, until } = request;
  const query = parseSearchQuery(request.query);
  if (limit < 1 || limit > SEARCH_RESULTS_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${SEARCH_RESULTS_MAX}, found ${limit}`);
  }
  const moot = pickMoot(moots, request.group_id);
  const topic = request.topic === undefined ? undefined : trimSpace(request.topic) || undefined;
  const of = { groupId: moot.id, topic, hash: query.hash };
  const asked: Omit<CandidateQuery, "from" | "limit"> = {
    terms: query.terms,
    reserved,
    ...(topic === undefined ? {} : { topic }),
    ...(request.author === undefined ? {} : { author_node_id: request.author }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  let from = page === undefined ? undefined : parseSearchCursor(page, of);
  const { search: store } = moot.store.messages;
  const results: SearchResult[] = [];
  const told = {
    group_id: moot.id,
    query: query.text,
    results,
    scanned: store.isIndexed ? undefined : true,
    indexing: store.progress(),
  };
  const upTo = (place: TimePlace): SearchAnswer => ({ ...told, next: formatSearchCursor(place, of), more: true });
  let bytes = 0;
  for (let pieces = 0; ; pieces++) {
    if (from !== undefined && (pieces === PIECES_MAX || signal.aborted)) return upTo(from);
    await moots.turns.take();
    // One more than wanted tells whether more is there; some may turn out not to match.
    const size = Math.max(limit - results.length + 1, PIECE_MIN);
    const piece = store.candidates({ ...asked, limit: size, ...(from === undefined ? {} : { from }) });
    for (const stored of piece.found) {
      const message = messageOf(stored);
      const snippet = snippetIn(message, query, asked);
      if (snippet === undefined) continue;
      if (results.length === limit || bytes >= PAGE_BYTES_MAX) return upTo(placeOf(results.at(-1)!));
      bytes += stored.canonical.length;
      results.push(resultOf(moot.id, stored, message, snippet));
    }
    from = piece.rest;
    if (from === undefined) return { ...told, next: undefined, more: false };
  }
}

function resultOf(group_id: GroupId, stored: StoredMessage, message: Message, snippet: string): SearchResult {
  const apart = isApart(stored);
  const { arrivedMs: arrived_ms, seq } = stored;
  return { group_id, seq: apart ? 0 : seq, message, apart: apart ? "removed" : undefined, arrived_ms, snippet };
}

/** `undefined` for a message that does not match: an index only tells which may. */
function snippetIn(
  { author, content, topics }: Message,
  query: SearchQuery,
  { author_node_id, reserved, topic }: Omit<CandidateQuery, "limit">,
): string | undefined {
  if (author_node_id !== undefined && author.pilot_node_id !== author_node_id) return undefined;
  if (topic !== undefined && !topics.includes(topic)) return undefined;
  const isHidden = topics.length > 0 && topics.every(isReserved);
  if (isHidden && !reserved && !(topic !== undefined && isReserved(topic))) return undefined;
  return snippetOf(decodeUtf8(content.subarray(0, 3 * SEARCHED_CHARS_MAX)), query);
}

function placeOf({ arrived_ms, message: { author, id, timestamp } }: SearchResult): TimePlace {
  return { timestamp: arrived_ms ?? timestamp, author_node_id: author.pilot_node_id, id };
}
