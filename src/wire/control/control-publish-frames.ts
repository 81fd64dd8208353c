import type { GroupId, MessageId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { bytes, groupId, i64, messageId, text, u32 } from "../../core/json/json-scalars.ts";
import { message } from "../../core/record/record-codecs.ts";
import type { Message } from "../../core/record/records.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. Far past any message people write. */
export const PUBLISH_TOPICS_MAX = 65_536;

/** "Sign this as the local node and publish it." */
export interface PublishReq {
  readonly kind: "publish_req";
  /** `undefined`: the only group there is. */
  readonly group_id: GroupId | undefined;
  readonly topics: readonly string[];
  readonly content: Uint8Array | null;
}

export interface PublishResp {
  readonly kind: "publish_resp";
  readonly message_id: MessageId;
  readonly group_id: GroupId;
  /** int64, Unix milliseconds. */
  readonly timestamp_ms: bigint;
}

/** "Publish this, which its author signed elsewhere." */
export interface SignedPublishReq {
  readonly kind: "signed_publish_req";
  readonly message: Message;
}

export interface SignedPublishResp {
  readonly kind: "signed_publish_resp";
  /** `accepted`. */
  readonly status: string;
  readonly message_id: MessageId;
  readonly group_id: GroupId;
  readonly author: number;
  /** int64, Unix milliseconds. */
  readonly timestamp_ms: bigint;
}

export const publishReqBody: FrameBody<PublishReq> = jsonBody(
  "publish_req",
  struct<Omit<PublishReq, "kind">>("publish_req", {
    group_id: optional(groupId),
    topics: plainList(text, PUBLISH_TOPICS_MAX),
    content: bytes,
  }),
);

export const publishRespBody: FrameBody<PublishResp> = jsonBody(
  "publish_resp",
  struct<Omit<PublishResp, "kind">>("publish_resp", { message_id: messageId, group_id: groupId, timestamp_ms: i64 }),
);

export const signedPublishReqBody: FrameBody<SignedPublishReq> = jsonBody(
  "signed_publish_req",
  struct<Omit<SignedPublishReq, "kind">>("signed_publish_req", { message }),
);

export const signedPublishRespBody: FrameBody<SignedPublishResp> = jsonBody(
  "signed_publish_resp",
  struct<Omit<SignedPublishResp, "kind">>("signed_publish_resp", {
    status: text,
    message_id: messageId,
    group_id: groupId,
    author: u32,
    timestamp_ms: i64,
  }),
);
