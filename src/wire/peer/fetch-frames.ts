import { omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, messageId } from "../../core/json/json-scalars.ts";
import { message } from "../../core/record/record-codecs.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Asks for one message. */
export type FetchReq = FrameOf<typeof fetchReqBody>;

export const fetchReqBody = jsonBody("fetch_req", struct("fetch_req", { group_id: groupId, id: messageId }));

/** The message asked for, or `not_found`. Nothing stops a peer from sending both or neither. */
export type FetchResp = FrameOf<typeof fetchRespBody>;

export const fetchRespBody = jsonBody(
  "fetch_resp",
  struct("fetch_resp", {
    group_id: groupId,
    id: messageId,
    message: optional(message),
    not_found: omitted(bool),
  }),
);
