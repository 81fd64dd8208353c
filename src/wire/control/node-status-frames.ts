import type { GroupId, MerkleRoot, RosterEntryId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { bool, groupId, merkleRoot, rosterEntryId, u32 } from "../../core/json/json-scalars.ts";
import { boundedBytes, boundedText, clippedText, count, plainList, u16 } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. */
export const STATUS_GROUPS_MAX = 8192;

/** Asks for everything `info` and `doctor` show of a running daemon. */
export interface NodeStatusReq {
  readonly kind: "node_status_req";
}

export interface TransportStatus {
  /** `iroh`, or several as `iroh+pilot`; `none` in a process that opened no carrier. */
  readonly carrier: string;
  /** Why this carrier, or why none. */
  readonly reason: string;
  /** UDP port, 0 when none. */
  readonly port: number;
  readonly hints: readonly string[];
}

export interface GroupStatus {
  readonly group_id: GroupId;
  /** Local display name; empty when unknown. */
  readonly name: string;
  readonly members: number;
  readonly messages: number;
  readonly merkle_root: MerkleRoot;
  readonly roster_head: RosterEntryId;
  /** The node's id in the group's roster; 0 when it is not in it. */
  readonly local_node_id: number;
  readonly local_member: boolean;
  /** The node's key is the founder's. */
  readonly founder: boolean;
}

/** What a node says of itself. */
export interface NodeStatusResp {
  readonly kind: "node_status_resp";
  readonly running: boolean;
  readonly version: string;
  readonly pid: number;
  readonly data_dir: string;
  readonly identity_path: string;
  /** The id the node would join a group with now. */
  readonly pilot_node_id: number;
  readonly entmoot_pubkey: Uint8Array;
  readonly listen_port: number;
  readonly transport: TransportStatus;
  readonly groups: readonly GroupStatus[];
  readonly started_at_ms: number;
}

const transportStatus = struct<TransportStatus>(
  "transport status",
  {
    carrier: boundedText("carrier", 64),
    reason: clippedText("reason", 4096),
    port: u16,
    hints: plainList(boundedText("hint", 1024), 64),
  },
  { required: ["carrier"] },
);

const groupStatus = struct<GroupStatus>(
  "group status",
  {
    group_id: groupId,
    name: clippedText("name", 1024),
    members: count,
    messages: count,
    merkle_root: merkleRoot,
    roster_head: rosterEntryId,
    local_node_id: u32,
    local_member: bool,
    founder: bool,
  },
  { required: ["group_id", "members", "messages", "merkle_root", "roster_head"] },
);

export const nodeStatusReqBody: FrameBody<NodeStatusReq> = jsonBody(
  "node_status_req",
  struct<object>("node_status_req", {}),
);

export const nodeStatusRespBody: FrameBody<NodeStatusResp> = jsonBody(
  "node_status_resp",
  struct<Omit<NodeStatusResp, "kind">>(
    "node_status_resp",
    {
      running: bool,
      version: boundedText("version", 64),
      pid: u32,
      data_dir: boundedText("data_dir", 16_384),
      identity_path: boundedText("identity_path", 16_384),
      pilot_node_id: u32,
      entmoot_pubkey: boundedBytes("public key", { min: 32, max: 32 }),
      listen_port: u16,
      transport: transportStatus,
      groups: plainList(groupStatus, STATUS_GROUPS_MAX),
      started_at_ms: count,
    },
    { required: ["version", "pid", "entmoot_pubkey", "transport", "groups"] },
  ),
);
