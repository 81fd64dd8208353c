import { EntmootError } from "../core/errors.ts";
import { MerkleRoot, RosterEntryId } from "../core/ids.ts";
import type { JoinByInvite } from "../node/daemon-operations.ts";
import type { NodeStatus, Published, PublishRequest, WatchEvent, WatchRequest } from "../node/operations.ts";
import type { ControlFrame } from "../wire/control/control-frame.ts";
import type { ControlCalls } from "./control-calls.ts";

/** What an original daemon can tell about itself; what it cannot is empty. */
export async function originalStatus(calls: ControlCalls, timeoutMs: number): Promise<NodeStatus> {
  const info = await calls.tryAsk({ kind: "info_req" }, "info_resp", timeoutMs);
  if (info === undefined) throw new EntmootError("unavailable", "the daemon does not answer info");
  return {
    running: true,
    version: "unknown",
    pid: 0,
    data_dir: info.data_dir,
    identity_path: "",
    pilot_node_id: info.pilot_node_id,
    entmoot_pubkey: info.entmoot_pubkey ?? new Uint8Array(0),
    listen_port: info.listen_port,
    transport: { carrier: "pilot", reason: "an original daemon runs here", port: 0, hints: [] },
    groups: info.groups.map((group) => ({
      group_id: group.group_id,
      name: "",
      members: group.members,
      messages: group.messages,
      merkle_root: group.merkle_root ?? MerkleRoot.zero,
      roster_head: RosterEntryId.zero,
      local_node_id: info.pilot_node_id,
      local_member: true,
      founder: false,
    })),
    started_at_ms: 0,
  };
}

/** Publish as the original knows it: without a token and without the author's key in the answer. */
export async function originalPublish(
  calls: ControlCalls,
  request: PublishRequest,
  timeoutMs: number,
): Promise<Published> {
  const { groupId: group_id, topics, content } = request;
  const reply = await calls.tryAsk({ kind: "publish_req", group_id, topics, content }, "publish_resp", timeoutMs);
  if (reply === undefined) throw new EntmootError("unavailable", "the daemon does not answer publish");
  const { pilot_node_id, entmoot_pubkey } = await originalStatus(calls, timeoutMs);
  const { message_id, timestamp_ms } = reply;
  return { group_id: reply.group_id, message_id, author: { pilot_node_id, entmoot_pubkey }, timestamp_ms };
}

/** Tail as the original knows it: from now on only, and without places to go on from (`seq` is 0). */
export async function* originalWatch(calls: ControlCalls, request: WatchRequest): AsyncGenerator<WatchEvent> {
  const subscribe = { kind: "tail_subscribe", group_id: request.groupId, topic: request.topic } as const;
  for await (const frame of calls.stream(subscribe, { signal: request.signal })) {
    if (frame.kind !== "tail_event") {
      throw new EntmootError("malformed_frame", `control socket: expected tail_event, found ${frame.kind}`);
    }
    yield { kind: "message", group_id: frame.message.group_id, seq: 0, message: frame.message };
  }
}

/** The original's join request for an invite at hand. */
export function joinGroupRequest(request: JoinByInvite): Extract<ControlFrame, { kind: "join_group_req" }> {
  return {
    kind: "join_group_req",
    invite: request.invite,
    open_invite: undefined,
    group_metadata: request.metadata,
    group_policy: request.policy,
    timeout_ms: BigInt(Math.max(0, Math.trunc(request.timeoutMs))),
  };
}
