import { struct } from "../../core/json/json-codec.ts";
import { u32 } from "../../core/json/json-scalars.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** "End, cleanly." */
export interface StopReq {
  readonly kind: "stop_req";
}

/** The daemon is ending. The connection then stays open until its process is gone: end of stream means ended. */
export interface StopResp {
  readonly kind: "stop_resp";
  readonly pid: number;
}

export const stopReqBody: FrameBody<StopReq> = jsonBody("stop_req", struct<object>("stop_req", {}));

export const stopRespBody: FrameBody<StopResp> = jsonBody(
  "stop_resp",
  struct<Omit<StopResp, "kind">>("stop_resp", { pid: u32 }, { required: ["pid"] }),
);
