import { encodeWire, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, rosterEntryId } from "../../core/json/json-scalars.ts";
import { rosterEntry } from "../../core/record/record-codecs.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import { type RosterHeal, rosterHeal } from "../../core/roster/roster-heal.ts";
import { count, plainList, shortList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Ours. Entries of one page; fewer when they would not fit. */
const ENTRIES_MAX = 2048;
/** Ours. Forks healed in one moot; each is one more run of its founder that went wrong. */
const HEALS_MAX = 64;

/** Ours. Room for entries in a page of what a member is told, and of what somebody removed is. */
export const FORKS_PAGE_BYTES = 512 * 1024;
export const PROOF_PAGE_BYTES = 256 * 1024;

const known = {
  group_id: groupId,
  /** Each behind one that is known, or that stands before it. */
  entries: plainList(rosterEntry, ENTRIES_MAX),
  heals: shortList(rosterHeal, HEALS_MAX),
  /** Nothing follows. */
  last: bool,
};
const knownKeys = ["group_id", "entries", "last"] as const;

/** A member asks what another knows of other histories of the roster. */
export type RosterForksReq = FrameOf<typeof rosterForksReqBody>;

export const rosterForksReqBody = jsonBody(
  "roster_forks_req",
  struct(
    "roster_forks_req",
    {
      group_id: groupId,
      /** So many entries came with earlier pages. */
      from: count,
    },
    { required: ["group_id", "from"] },
  ),
);

export type RosterForksResp = FrameOf<typeof rosterForksRespBody>;

/** All entries behind the first fork, parents first, and with the first page what heals forks. */
export const rosterForksRespBody = jsonBody(
  "roster_forks_resp",
  struct("roster_forks_resp", known, { required: knownKeys }),
);

/** Who is refused as a stranger asks why: it need not be a member, only a key that the roster names. */
export type RosterProofReq = FrameOf<typeof rosterProofReqBody>;

export const rosterProofReqBody = jsonBody(
  "roster_proof_req",
  struct(
    "roster_proof_req",
    {
      group_id: groupId,
      /** The last entry the asker holds. One the peer does not know is refused as `not_found`. */
      head: rosterEntryId,
    },
    { required: ["group_id", "head"] },
  ),
);

export type RosterProofResp = FrameOf<typeof rosterProofRespBody>;

/** What follows the asker's head, up to the entry that removed it and no further. */
export const rosterProofRespBody = jsonBody(
  "roster_proof_resp",
  struct("roster_proof_resp", known, { required: knownKeys }),
);

/** As many of the first of `entries` as fit a page, and whether that is all of them. */
export function entriesPage(
  entries: readonly RosterEntry[],
  maxBytes: number,
): { entries: readonly RosterEntry[]; last: boolean } {
  let room = maxBytes;
  let fit = 0;
  for (const entry of entries.slice(0, ENTRIES_MAX)) {
    room -= encodeWire(rosterEntry, entry).length + 1;
    if (room < 0) break;
    fit += 1;
  }
  return { entries: entries.slice(0, fit), last: fit === entries.length };
}

/** One page of what is known of forks, behind the first `from` entries. */
export function answerRosterForks(
  { from, group_id }: RosterForksReq,
  known: { readonly entries: readonly RosterEntry[]; readonly heals: readonly RosterHeal[] },
): RosterForksResp {
  const page = entriesPage(known.entries.slice(from), FORKS_PAGE_BYTES);
  return { kind: "roster_forks_resp", group_id, ...page, heals: from === 0 ? known.heals : [] };
}
