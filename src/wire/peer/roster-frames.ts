import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, rosterEntryId } from "../../core/json/json-scalars.ts";
import { rosterEntry } from "../../core/record/record-codecs.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Ours. A signed entry takes about 400 bytes, so an honest 16 MiB frame holds some 41,000. */
export const ROSTER_RESP_ENTRIES_MAX = 65_536;

/** Asks for the whole log. Original responders ignore `since_head`. */
export type RosterReq = FrameOf<typeof rosterReqBody>;

export const rosterReqBody = jsonBody(
  "roster_req",
  struct("roster_req", { group_id: groupId, since_head: optional(rosterEntryId) }),
);

/** The whole log in apply order: a reply, or pushed unasked after a change. */
export type RosterResp = FrameOf<typeof rosterRespBody>;

export const rosterRespBody = jsonBody(
  "roster_resp",
  struct("roster_resp", { group_id: groupId, entries: plainList(rosterEntry, ROSTER_RESP_ENTRIES_MAX) }),
);
