import { optional, struct } from "../../core/json/json-codec.ts";
import { bytes, groupId, i64, messageId, text, u32 } from "../../core/json/json-scalars.ts";
import { message } from "../../core/record/record-codecs.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Ours. Far past any message people write; empty topics in 16 MiB would be five million. */
export const PUBLISH_TOPICS_MAX = 65_536;

/** "Sign this as the local node and publish it." */
export type PublishReq = FrameOf<typeof publishReqBody>;

export const publishReqBody = jsonBody(
  "publish_req",
  struct("publish_req", {
    /** `undefined`: the only group there is. */
    group_id: optional(groupId),
    topics: plainList(text, PUBLISH_TOPICS_MAX),
    content: bytes,
  }),
);

export type PublishResp = FrameOf<typeof publishRespBody>;

export const publishRespBody = jsonBody(
  "publish_resp",
  struct("publish_resp", {
    message_id: messageId,
    group_id: groupId,
    /** Unix milliseconds. */
    timestamp_ms: i64,
  }),
);

/** "Publish this, which its author signed elsewhere." */
export type SignedPublishReq = FrameOf<typeof signedPublishReqBody>;

export const signedPublishReqBody = jsonBody("signed_publish_req", struct("signed_publish_req", { message }));

export type SignedPublishResp = FrameOf<typeof signedPublishRespBody>;

export const signedPublishRespBody = jsonBody(
  "signed_publish_resp",
  struct("signed_publish_resp", {
    /** `accepted`. */
    status: text,
    message_id: messageId,
    group_id: groupId,
    author: u32,
    /** Unix milliseconds. */
    timestamp_ms: i64,
  }),
);
