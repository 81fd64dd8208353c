import type { Clock } from "../../core/clock.ts";
import type { PublicKey } from "../../core/ids.ts";
import { keyOf } from "../../core/record/node-key.ts";
import { profileName } from "../group/profiles.ts";
import type { members } from "../operations/moots.ts";
import type { AnswerOf, RequestOf } from "../operations/operation.ts";
import { type Moots, requireMoot } from "./moots.ts";

/** Who is in a moot, ascending by node id. */
export function listMembers(
  moots: Moots & { readonly local: PublicKey | undefined; readonly clock: Clock },
  { group_id }: RequestOf<typeof members>,
): AnswerOf<typeof members> {
  const moot = requireMoot(moots, group_id);
  const rows = moot.roster.log.members.map((member) => {
    const key = keyOf(member);
    return {
      node_id: member.pilot_node_id,
      entmoot_pubkey: member.entmoot_pubkey ?? new Uint8Array(0),
      hostname: profileName(moot, member, moots.clock.unix()),
      self: key !== undefined && key === moots.local,
      founder: key !== undefined && key === moot.roster.founder,
    };
  });
  return { group_id, members: rows };
}
