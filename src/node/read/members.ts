import type { Clock } from "../../core/clock.ts";
import { PublicKey } from "../../core/ids.ts";
import { keyOf, shownKey } from "../../core/record/node-key.ts";
import { leavesOf } from "../group/leaves.ts";
import { profileName } from "../group/profiles.ts";
import { type PresenceOf, presenceRow } from "../notes/kept-receipts.ts";
import { fittingRows } from "../operations/fitting-rows.ts";
import { MEMBERS_ROOM, type MemberRow, type members } from "../operations/moots.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moot, type Moots, requireMoot } from "./moots.ts";

/** The key of the identity that reads; `undefined` where there is none. */
interface KnowsItself {
  readonly local: PublicKey | undefined;
  readonly clock: Clock;
  readonly presence: PresenceOf;
}

/** Who is in a moot, ascending by node id. */
export function listMembers(
  moots: Moots & KnowsItself,
  { group_id }: RequestOf<typeof members>,
): AnswerOf<typeof members> {
  const moot = requireMoot(moots, group_id);
  const { more, rows } = fittingRows(memberRows(moots, moot), MEMBERS_ROOM);
  return { group_id, members: rows, more };
}

function* memberRows({ clock, local, presence }: KnowsItself, moot: Moot): Generator<MemberRow> {
  const leaves = leavesOf(moot);
  const { log } = moot.roster;
  for (const member of log.members) {
    const key = keyOf(member);
    const admission = key === undefined ? undefined : log.admissionOf(PublicKey.toBytes(key));
    yield {
      node_id: member.pilot_node_id,
      entmoot_pubkey: shownKey(key),
      hostname: profileName(moot, member, clock.unix()),
      self: local === undefined ? undefined : key === local,
      founder: key !== undefined && key === moot.roster.founder,
      since_ms: admission?.timestamp ?? 0n,
      entry_id: admission?.id,
      by_node_id: admission?.actor ?? 0,
      left_ms: (key === undefined ? undefined : leaves.get(key)) ?? 0,
      ...presenceRow(key === undefined ? undefined : presence(moot.id, key)),
    };
  }
}
