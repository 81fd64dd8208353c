import { omitted, optional, struct } from "../../core/json/json-codec.ts";
import { bool, u32 } from "../../core/json/json-scalars.ts";
import { boundedBytes, boundedText, clippedText, count, oneOf, plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type GroupFrame, strictGroupBody } from "../frame/group-body.ts";

/** Ours. */
export const PEER_ROWS_MAX = 16_384;

/** Asks how the members of a group are reached. */
export type PeersReq = GroupFrame<"peers_req">;

/** A member as a node sees it now. */
export interface PeerRow {
  readonly node_id: number;
  readonly entmoot_pubkey: Uint8Array;
  readonly hostname: string;
  readonly self: boolean;
  readonly founder: boolean;
  readonly connected: boolean;
  readonly trust: "self" | "key" | "unknown";
  readonly route: "self" | "direct" | "relay" | "none" | "not_checked";
  readonly rtt_ms: number | undefined;
  /** Unix milliseconds. */
  readonly last_seen_ms: number | undefined;
  /** Why it could not be reached the last time it was tried. */
  readonly error: string | undefined;
  readonly hints: readonly string[];
}

export interface PeersResp {
  readonly kind: "peers_resp";
  readonly peers: readonly PeerRow[];
}

const peerRow = struct<PeerRow>(
  "peer",
  {
    node_id: u32,
    // As in roster entries, where any length decodes.
    entmoot_pubkey: boundedBytes("public key", { min: 0, max: 1024 }),
    hostname: omitted(clippedText("hostname", 1024)),
    self: bool,
    founder: bool,
    connected: bool,
    trust: oneOf("trust", ["unknown", "key", "self"]),
    route: oneOf("route", ["none", "direct", "relay", "self", "not_checked"]),
    rtt_ms: optional(count),
    last_seen_ms: optional(count),
    error: optional(clippedText("error", 4096)),
    hints: plainList(boundedText("hint", 1024), 64),
  },
  { required: ["node_id", "entmoot_pubkey", "trust", "route"] },
);

export const peersReqBody: FrameBody<PeersReq> = strictGroupBody("peers_req");

export const peersRespBody: FrameBody<PeersResp> = jsonBody(
  "peers_resp",
  struct<Omit<PeersResp, "kind">>("peers_resp", { peers: plainList(peerRow, PEER_ROWS_MAX) }, { required: ["peers"] }),
);
