import type { GroupId, RosterEntryId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, rosterEntryId } from "../../core/json/json-scalars.ts";
import { rosterEntry } from "../../core/record/record-codecs.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. A signed entry takes about 400 bytes, so an honest 16 MiB frame holds some 41,000. */
const ROSTER_RESP_ENTRIES_MAX = 65_536;

/** Asks for the whole log. Original responders ignore `since_head`. */
export interface RosterReq {
  readonly kind: "roster_req";
  readonly group_id: GroupId;
  readonly since_head: RosterEntryId | undefined;
}

/** The whole log in apply order: a reply, or pushed unasked after a change. */
export interface RosterResp {
  readonly kind: "roster_resp";
  readonly group_id: GroupId;
  readonly entries: readonly RosterEntry[];
}

export const rosterReqBody: FrameBody<RosterReq> = jsonBody(
  "roster_req",
  struct<Omit<RosterReq, "kind">>("roster_req", { group_id: groupId, since_head: optional(rosterEntryId) }),
);

export const rosterRespBody: FrameBody<RosterResp> = jsonBody(
  "roster_resp",
  struct<Omit<RosterResp, "kind">>("roster_resp", {
    group_id: groupId,
    entries: plainList(rosterEntry, ROSTER_RESP_ENTRIES_MAX),
  }),
);
