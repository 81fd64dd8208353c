import type { GroupId, MessageId } from "../../core/ids.ts";
import { omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, messageId } from "../../core/json/json-scalars.ts";
import { message } from "../../core/record/record-codecs.ts";
import type { Message } from "../../core/record/records.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Asks for one message. */
export interface FetchReq {
  readonly kind: "fetch_req";
  readonly group_id: GroupId;
  readonly id: MessageId;
}

/** The message asked for, or `not_found`. Nothing stops a peer from sending both or neither. */
export interface FetchResp {
  readonly kind: "fetch_resp";
  readonly group_id: GroupId;
  readonly id: MessageId;
  readonly message: Message | undefined;
  readonly not_found: boolean;
}

export const fetchReqBody: FrameBody<FetchReq> = jsonBody(
  "fetch_req",
  struct<Omit<FetchReq, "kind">>("fetch_req", { group_id: groupId, id: messageId }),
);

export const fetchRespBody: FrameBody<FetchResp> = jsonBody(
  "fetch_resp",
  struct<Omit<FetchResp, "kind">>("fetch_resp", {
    group_id: groupId,
    id: messageId,
    message: optional(message),
    not_found: omitted(bool),
  }),
);
