import { struct } from "../../core/json/json-codec.ts";
import { bytes, groupId, i64, u32 } from "../../core/json/json-scalars.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** "Are you there?" for people looking for a fault. */
export type DiagPingReq = FrameOf<typeof diagPingReqBody>;

export const diagPingReqBody = jsonBody(
  "diag_ping_req",
  struct("diag_ping_req", {
    group_id: groupId,
    /** Chosen by the asker, 16 bytes by custom; any length decodes. */
    nonce: bytes,
    /** Unix milliseconds, the asker's clock. */
    timestamp_ms: i64,
  }),
);

export type DiagPingResp = FrameOf<typeof diagPingRespBody>;

export const diagPingRespBody = jsonBody(
  "diag_ping_resp",
  struct("diag_ping_resp", {
    group_id: groupId,
    /** The request's; an empty one comes back as `null`. */
    nonce: bytes,
    /** Node id of whoever answers. */
    responder: u32,
    /** Unix milliseconds, the responder's clock. */
    timestamp_ms: i64,
  }),
);
