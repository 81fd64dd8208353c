import { omitted, struct } from "../../core/json/json-codec.ts";
import { bool, groupId, i64, text, u32 } from "../../core/json/json-scalars.ts";
import { plainList } from "../frame/bounded.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Ours. The daemon answers a request for more than 256 with an error, so it has to be read. */
const DIAG_PEERS_MAX = 65_536;

/** "Can you reach these?" */
export type DiagProbeReq = FrameOf<typeof diagProbeReqBody>;

export const diagProbeReqBody = jsonBody(
  "diag_probe_req",
  struct("diag_probe_req", {
    group_id: groupId,
    peers: plainList(u32, DIAG_PEERS_MAX),
    /** For each peer; 0: the daemon's default. */
    timeout_ms: omitted(i64),
  }),
);

/** How one peer answered. */
const row = struct("probe result", {
  node_id: u32,
  ok: bool,
  rtt_ms: omitted(i64),
  /** Empty when there was none. */
  error: omitted(text),
  /** Node id of whoever answered; 0 when nobody did. */
  responder: omitted(u32),
  /** Unix milliseconds, the peer's clock. */
  received_ms: omitted(i64),
});

export type DiagProbeResp = FrameOf<typeof diagProbeRespBody>;

export const diagProbeRespBody = jsonBody(
  "diag_probe_resp",
  struct("diag_probe_resp", { group_id: groupId, peers: plainList(row, DIAG_PEERS_MAX) }),
);
