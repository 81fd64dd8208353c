import type { GroupId } from "../../core/ids.ts";
import { omitted, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, text, u32 } from "../../core/json/json-scalars.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. The daemon answers a request for more than 256 with an error, so it has to be read. */
export const DIAG_PEERS_MAX = 65_536;

/** "Can you reach these?" */
export interface DiagProbeReq {
  readonly kind: "diag_probe_req";
  readonly group_id: GroupId;
  readonly peers: readonly number[];
  /** For each peer; 0: the daemon's default. */
  readonly timeout_ms: bigint;
}

export interface DiagProbeRow {
  readonly node_id: number;
  readonly ok: boolean;
  readonly rtt_ms: bigint;
  /** Empty when there was none. */
  readonly error: string;
  /** Node id of whoever answered; 0 when nobody did. */
  readonly responder: number;
  /** Unix milliseconds, the peer's clock. */
  readonly received_ms: bigint;
}

export interface DiagProbeResp {
  readonly kind: "diag_probe_resp";
  readonly group_id: GroupId;
  readonly peers: readonly DiagProbeRow[];
}

const row = struct<DiagProbeRow>("probe result", {
  node_id: u32,
  ok: bool,
  rtt_ms: omitted(i64),
  error: omitted(text),
  responder: omitted(u32),
  received_ms: omitted(i64),
});

export const diagProbeReqBody: FrameBody<DiagProbeReq> = jsonBody(
  "diag_probe_req",
  struct<Omit<DiagProbeReq, "kind">>("diag_probe_req", {
    group_id: groupId,
    peers: plainList(u32, DIAG_PEERS_MAX),
    timeout_ms: omitted(i64),
  }),
);

export const diagProbeRespBody: FrameBody<DiagProbeResp> = jsonBody(
  "diag_probe_resp",
  struct<Omit<DiagProbeResp, "kind">>("diag_probe_resp", { group_id: groupId, peers: plainList(row, DIAG_PEERS_MAX) }),
);
