import type { GroupId, MessageId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, i64, messageId, text } from "../../core/json/json-scalars.ts";
import { nodeInfo } from "../../core/record/record-codecs.ts";
import type { NodeInfo } from "../../core/record/records.ts";
import { boundedBytes, plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { TOKEN_BYTES } from "../peer/redeem-frames.ts";
import { PUBLISH_TOPICS_MAX } from "./control-publish-frames.ts";

/** As `publish_req`, safe to send again: the same token gives the first answer and publishes nothing. */
export interface PublishTokenReq {
  readonly kind: "publish_token_req";
  /** `undefined`: the only group there is. */
  readonly group_id: GroupId | undefined;
  readonly topics: readonly string[];
  readonly content: Uint8Array;
  /** 16 to 64 bytes of the client's choice; `undefined`: not to be repeated. */
  readonly token: Uint8Array | undefined;
}

export interface PublishTokenResp {
  readonly kind: "publish_token_resp";
  readonly group_id: GroupId;
  readonly message_id: MessageId;
  readonly author: NodeInfo;
  /** int64, Unix milliseconds. */
  readonly timestamp_ms: bigint;
}

export const publishTokenReqBody: FrameBody<PublishTokenReq> = jsonBody(
  "publish_token_req",
  struct<Omit<PublishTokenReq, "kind">>(
    "publish_token_req",
    {
      group_id: optional(groupId),
      topics: plainList(text, PUBLISH_TOPICS_MAX),
      content: boundedBytes("content", { min: 0, max: Number.MAX_SAFE_INTEGER }),
      token: optional(boundedBytes("token", TOKEN_BYTES)),
    },
    { required: ["topics", "content"] },
  ),
);

export const publishTokenRespBody: FrameBody<PublishTokenResp> = jsonBody(
  "publish_token_resp",
  struct<Omit<PublishTokenResp, "kind">>(
    "publish_token_resp",
    { group_id: groupId, message_id: messageId, author: nodeInfo, timestamp_ms: i64 },
    { required: ["group_id", "message_id", "author", "timestamp_ms"] },
  ),
);
