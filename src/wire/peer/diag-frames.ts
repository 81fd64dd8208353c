import type { GroupId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { bytes, groupId, i64, u32 } from "../../core/json/json-scalars.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** "Are you there?" for people looking for a fault. */
export interface DiagPingReq {
  readonly kind: "diag_ping_req";
  readonly group_id: GroupId;
  /** Chosen by the asker, 16 bytes by custom; any length decodes. */
  readonly nonce: Uint8Array | null;
  /** int64, Unix milliseconds, the asker's clock. */
  readonly timestamp_ms: bigint;
}

export interface DiagPingResp {
  readonly kind: "diag_ping_resp";
  readonly group_id: GroupId;
  /** The request's; an empty one comes back as `null`. */
  readonly nonce: Uint8Array | null;
  /** Node id of whoever answers. */
  readonly responder: number;
  /** int64, Unix milliseconds, the responder's clock. */
  readonly timestamp_ms: bigint;
}

export const diagPingReqBody: FrameBody<DiagPingReq> = jsonBody(
  "diag_ping_req",
  struct<Omit<DiagPingReq, "kind">>("diag_ping_req", { group_id: groupId, nonce: bytes, timestamp_ms: i64 }),
);

export const diagPingRespBody: FrameBody<DiagPingResp> = jsonBody(
  "diag_ping_resp",
  struct<Omit<DiagPingResp, "kind">>("diag_ping_resp", {
    group_id: groupId,
    nonce: bytes,
    responder: u32,
    timestamp_ms: i64,
  }),
);
