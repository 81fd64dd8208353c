import type { GroupId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, u32 } from "../../core/json/json-scalars.ts";
import { nodeInfo } from "../../core/record/record-codecs.ts";
import type { NodeInfo } from "../../core/record/records.ts";
import { boundedText, clippedText, count, oneOf } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Ours. An invite with sixteen peers takes about 4 KB. */
export const JOIN_INPUT_BYTES_MAX = 64 * 1024;

/** "Join by this." Answered by any number of `join_progress`, then one `joined`, `refused` or `error`. Closing cancels it. */
export interface JoinStart {
  readonly kind: "join_start";
  /** A moot link, an invite's JSON text or another join input. */
  readonly input: string;
  readonly timeout_ms: number;
}

export interface JoinProgress {
  readonly kind: "join_progress";
  /** A word programs can branch on. */
  readonly stage: string;
  readonly message: string;
}

export interface Joined {
  readonly kind: "joined";
  readonly status: "joined" | "already_joined";
  readonly group_id: GroupId;
  readonly issuer: NodeInfo | undefined;
  readonly members: number;
  readonly local_node_id: number;
}

export const joinStartBody: FrameBody<JoinStart> = jsonBody(
  "join_start",
  struct<Omit<JoinStart, "kind">>(
    "join_start",
    { input: boundedText("join input", JOIN_INPUT_BYTES_MAX), timeout_ms: count },
    { required: ["input", "timeout_ms"] },
  ),
);

export const joinProgressBody: FrameBody<JoinProgress> = jsonBody(
  "join_progress",
  struct<Omit<JoinProgress, "kind">>(
    "join_progress",
    { stage: boundedText("stage", 64), message: clippedText("message", 4096) },
    { required: ["stage"] },
  ),
);

export const joinedBody: FrameBody<Joined> = jsonBody(
  "joined",
  struct<Omit<Joined, "kind">>(
    "joined",
    {
      status: oneOf("status", ["joined", "already_joined"]),
      group_id: groupId,
      issuer: optional(nodeInfo),
      members: count,
      local_node_id: u32,
    },
    { required: ["status", "group_id", "members", "local_node_id"] },
  ),
);
