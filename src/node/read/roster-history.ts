import { EntmootError } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import { keyOf, shownKey } from "../../core/record/node-key.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import { leftBefore } from "../group/leaves.ts";
import { profileName } from "../group/profiles.ts";
import { HISTORY_MAX, type HistoryRow, type roster_history } from "../operations/membership.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";

const LIMIT_DEFAULT = 100;

/** What the roster says of who came and went, the latest first. */
export function tellRosterHistory(
  moots: Moots,
  { before, group_id, limit = LIMIT_DEFAULT }: RequestOf<typeof roster_history>,
): AnswerOf<typeof roster_history> {
  if (limit < 1 || limit > HISTORY_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${HISTORY_MAX}, found ${limit}`);
  }
  const moot = requireMoot(moots, group_id);
  const { entries } = moot.roster.log;
  const end = Math.min(before ?? entries.length, entries.length);
  const from = Math.max(0, end - limit);
  const rows = entries.slice(from, end).map((entry, n) => rowOf(moots, moot, { entry, number: from + n }));
  return { group_id, entries: rows.reverse(), next: from === 0 ? undefined : from };
}

function rowOf(
  { clock }: Moots,
  moot: Moot,
  { entry, number }: { readonly entry: RosterEntry; readonly number: number },
): HistoryRow {
  const { actor, id, op, subject, timestamp } = entry;
  const isMember = op !== "policy_change";
  const key: PublicKey | undefined = isMember ? keyOf(subject) : undefined;
  return {
    number,
    entry_id: id,
    op: op === "add" || op === "remove" ? op : "policy_change",
    node_id: isMember ? subject.pilot_node_id : 0,
    entmoot_pubkey: shownKey(key),
    hostname: isMember ? profileName(moot, subject, clock.unix()) : "",
    by_node_id: actor,
    at_ms: timestamp,
    member:
      key !== undefined &&
      subject.entmoot_pubkey !== null &&
      moot.roster.log.admissionOf(subject.entmoot_pubkey)?.id === id,
    left_ms: op === "remove" ? leftBefore(moot, id) : 0,
  };
}
