import { EntmootError } from "../../core/errors.ts";
import { fittingRows } from "../operations/fitting-rows.ts";
import { TOPICS_MAX, TOPICS_ROOM, type topics } from "../operations/moots.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moots, requireMoot } from "./moots.ts";

/** Ours. What fits a screen or two when nobody says how many. */
const TOPICS_DEFAULT = 100;

/** The topics of a moot, most used first. */
export function listTopics(
  moots: Moots,
  { group_id, limit = TOPICS_DEFAULT, reserved = false }: RequestOf<typeof topics>,
): AnswerOf<typeof topics> {
  const { store } = requireMoot(moots, group_id);
  if (limit < 1 || limit > TOPICS_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${TOPICS_MAX}, found ${limit}`);
  }
  const read = store.messages.topics(limit + 1, { reserved });
  const found = read.map(({ latest, messages, topic }) => ({ topic, messages, latest_ms: latest }));
  const { more, rows } = fittingRows(found, { ...TOPICS_ROOM, rowsMax: limit });
  return { group_id, topics: rows, more };
}
