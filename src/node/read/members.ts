import type { Clock } from "../../core/clock.ts";
import { EntmootError } from "../../core/errors.ts";
import { PublicKey } from "../../core/ids.ts";
import { profileName } from "../group/profiles.ts";
import type { members, topics } from "../operations/moots.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moots, requireMoot } from "./moots.ts";

/** Ours. What fits a screen or two when nobody says how many. */
const TOPICS_DEFAULT = 100;
const TOPICS_MAX = 1000;

/** Who is in a moot, ascending by node id. */
export function listMembers(
  moots: Moots & { readonly local: PublicKey | undefined; readonly clock: Clock },
  { group_id }: RequestOf<typeof members>,
): AnswerOf<typeof members> {
  const moot = requireMoot(moots, group_id);
  const rows = moot.roster.log.members.map((member) => {
    const bytes = member.entmoot_pubkey ?? new Uint8Array(0);
    const key = bytes.length === 32 ? PublicKey.fromBytes(bytes) : undefined;
    return {
      node_id: member.pilot_node_id,
      entmoot_pubkey: bytes,
      hostname: profileName(moot, member, moots.clock.unix()),
      self: key !== undefined && key === moots.local,
      founder: key !== undefined && key === moot.roster.founder,
    };
  });
  return { group_id, members: rows };
}

/** The topics of a moot, most used first. */
export function listTopics(
  moots: Moots,
  { group_id, limit = TOPICS_DEFAULT }: RequestOf<typeof topics>,
): AnswerOf<typeof topics> {
  const { store } = requireMoot(moots, group_id);
  if (limit < 1 || limit > TOPICS_MAX) {
    throw new EntmootError("invalid_argument", `limit: expected 1 to ${TOPICS_MAX}, found ${limit}`);
  }
  const rows = store.messages
    .topics(limit)
    .map(({ latest, messages, topic }) => ({ topic, messages, latest_ms: latest }));
  return { group_id, topics: rows };
}
