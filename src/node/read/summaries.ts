import { EntmootError } from "../../core/errors.ts";
import { METADATA_FACT } from "../group/group-name.ts";
import { fittingRows } from "../operations/fitting-rows.ts";
import { type MootSummary, type moot_summaries, SUMMARIES_ROOM } from "../operations/membership.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";

/** The moots there are, in the order of the data root. */
export function summarizeMoots(
  moots: Moots,
  { group_id }: RequestOf<typeof moot_summaries>,
): AnswerOf<typeof moot_summaries> {
  if (group_id !== undefined) return { summaries: [summaryOf(requireMoot(moots, group_id))], more: false };
  const summaries = moots.moots().flatMap((moot) => {
    try {
      return summaryOf(moot);
    } catch (error) {
      // One that cannot be read must not hide the others.
      if (!(error instanceof EntmootError)) throw error;
      return [];
    }
  });
  const { more, rows } = fittingRows(summaries, SUMMARIES_ROOM);
  return { summaries: rows, more };
}

function summaryOf({ id, roster, store }: Moot): MootSummary {
  const { log } = roster;
  return {
    group_id: id,
    members: log.members.length,
    roster_head: log.head,
    metadata: objectText(store.getFact(METADATA_FACT)),
  };
}

/** `text` where it is a JSON object, as it is; what something else wrote there is none. */
function objectText(text = "{}"): string {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? text : "{}";
  } catch {
    return "{}";
  }
}
