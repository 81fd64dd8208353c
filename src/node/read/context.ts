import { EntmootError } from "../../core/errors.ts";
import type { TimePlace } from "../../core/order/time-place.ts";
import { shownTopics } from "../../core/policy/topic.ts";
import { CONTEXT_DEFAULT, CONTEXT_MAX, type context } from "../operations/find.ts";
import type { Call } from "../operations/implementation.ts";
import type { MessageRow } from "../operations/messages.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { pageOfMessages } from "./messages.ts";
import { type Moots, pickMoot } from "./moots.ts";
import { formatPageToken } from "./page-token.ts";
import { Rows } from "./places.ts";
import { messageOf } from "./unread.ts";

/** Ours. Pages asked for one side: each ends after a bounded number of messages that are not shown, and some MiB of those that are. */
const PAGES_MAX = 16;
const SIDE_BYTES_MAX = 2 * 1024 * 1024;

/** What was said before and after a message. */
export async function tellContext(
  moots: Moots,
  request: RequestOf<typeof context>,
  { signal }: Pick<Call<never>, "signal">,
): Promise<AnswerOf<typeof context>> {
  const { message_id, newer = CONTEXT_DEFAULT, older = CONTEXT_DEFAULT, reserved, topic } = request;
  for (const [side, wanted] of Object.entries({ older, newer })) {
    if (wanted <= CONTEXT_MAX) continue;
    throw new EntmootError("invalid_argument", `${side}: expected 0 to ${CONTEXT_MAX}, found ${wanted}`);
  }
  const shown = shownTopics(request);
  const moot = pickMoot(moots, request.group_id);
  const stored = moot.store.messages.get(message_id);
  const message = stored && messageOf(stored);
  if (stored === undefined || message === undefined || (topic !== undefined && !shown.shows(message.topics))) {
    const where = stored === undefined ? "is held here" : "has such a topic";
    throw new EntmootError(
      "not_found",
      `no such message ${where}; it may not have arrived yet, or be past its retention`,
    );
  }
  const target = new Rows(moot).of(stored, message);
  const place = placeOf(target);
  const side = async (order: "asc" | "desc", wanted: number) => {
    const question = { groupId: moot.id, order, topic, reserved } as const;
    const found: MessageRow[] = [];
    let page: string | undefined = formatPageToken(place, question);
    let bytes = 0;
    for (let pages = 0; page !== undefined && found.length < wanted && pages < PAGES_MAX; pages++) {
      if (bytes >= SIDE_BYTES_MAX) break;
      const limit = wanted - found.length;
      const answer = await pageOfMessages(
        moots,
        { group_id: moot.id, topic, reserved, order, page, limit },
        { signal },
      );
      found.push(...answer.messages);
      for (const row of answer.messages) bytes += bytesOf(row);
      page = answer.next;
    }
    if (wanted > 0 || page === undefined) return { found, page };
    const next = await pageOfMessages(moots, { group_id: moot.id, topic, reserved, order, page, limit: 1 }, { signal });
    return { found, page: next.messages.length > 0 || next.more ? page : undefined };
  };
  const before = await side("desc", older);
  const after = await side("asc", newer);
  return {
    group_id: moot.id,
    message_id,
    messages: [...before.found.reverse(), target, ...after.found],
    older_page: before.page,
    newer_page: after.page,
  };
}

/** About what it takes of an answer. */
function bytesOf({ message: { content, parents, references, topics } }: MessageRow): number {
  return topics.reduce(
    (sum, topic) => sum + 3 * topic.length,
    content.length + 48 * (parents.length + references.length),
  );
}

function placeOf({ arrived_ms, message: { author, id, timestamp } }: MessageRow): TimePlace {
  return { timestamp: arrived_ms ?? timestamp, author_node_id: author.pilot_node_id, id };
}
