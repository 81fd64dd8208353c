import type { GroupId, RosterEntryId } from "../core/ids.ts";
import { struct } from "../core/json-codec.ts";
import { bool, groupId, rosterEntryId } from "../core/json-scalars.ts";
import { rosterEntry } from "../core/record-codecs.ts";
import type { RosterEntry } from "../core/records.ts";
import { plainList } from "./bounded.ts";
import { type FrameBody, jsonBody } from "./frame-body.ts";

/** Ours. Fewer when they would not fit 1 MiB. */
export const ROSTER_PAGE_MAX = 2048;

/** Asks for the log behind an entry, so that a long one comes in small frames and only what is new. */
export interface RosterPageReq {
  readonly kind: "roster_page_req";
  readonly group_id: GroupId;
  /** The last entry the asker holds; all zero for the start. One the peer does not know is refused as `not_found`. */
  readonly after: RosterEntryId;
}

export interface RosterPageResp {
  readonly kind: "roster_page_resp";
  readonly group_id: GroupId;
  /** In apply order, at most 2,048; none when the asker is up to date. */
  readonly entries: readonly RosterEntry[];
  /** The log ends with these. */
  readonly last: boolean;
}

export const rosterPageReqBody: FrameBody<RosterPageReq> = jsonBody(
  "roster_page_req",
  struct<Omit<RosterPageReq, "kind">>(
    "roster_page_req",
    { group_id: groupId, after: rosterEntryId },
    { required: ["group_id", "after"] },
  ),
);

export const rosterPageRespBody: FrameBody<RosterPageResp> = jsonBody(
  "roster_page_resp",
  struct<Omit<RosterPageResp, "kind">>(
    "roster_page_resp",
    { group_id: groupId, entries: plainList(rosterEntry, ROSTER_PAGE_MAX), last: bool },
    { required: ["group_id", "entries", "last"] },
  ),
);
