import type { GroupId, MessageId, PublicKey, RosterEntryId } from "../core/ids.ts";
import type { Invite, Message, NodeInfo } from "../core/record/records.ts";
import type { GroupCreateReq, GroupCreateResp } from "../wire/control/group-create-frames.ts";
import type { CreatedLink, LinkRow } from "../wire/control/link-frames.ts";
import type { NodeStatusResp } from "../wire/control/node-status-frames.ts";
import type { PeerRow } from "../wire/control/peers-frames.ts";

/**
 * Everything a user can ask of a node. The node itself implements it, and so does the client of the
 * control socket, so a command is written once and works with and without a running daemon.
 * Every method throws `EntmootError`.
 */
export interface Operations extends AsyncDisposable {
  status(): Promise<NodeStatus>;
  createGroup(request: CreateGroup): Promise<CreatedGroup>;
  changeRoster(request: ChangeRoster): Promise<RosterChanged>;
  /** A signed invite for someone already (or soon) in the roster; adds nobody. */
  mintInvite(request: MintInvite): Promise<Invite>;
  createLink(request: { groupId: GroupId; uses: number; validForMs: number }): Promise<CreatedLink>;
  listLinks(groupId: GroupId): Promise<LinkRow[]>;
  /** `link`: the link's text, or its id. Throws `not_found`. */
  revokeLink(request: { groupId: GroupId; link: string }): Promise<LinkRow>;
  /** `input`: a moot link, an invite's JSON text or another join input. Calls `onProgress` while it waits. */
  join(request: JoinRequest): Promise<Joined>;
  /** Durable when it resolves; spreading is not awaited. */
  publish(request: PublishRequest): Promise<Published>;
  peers(groupId: GroupId): Promise<PeerRow[]>;
  /** Messages as they arrive (and before, see `from`), each exactly once, until `signal` aborts. */
  watch(request: WatchRequest): AsyncIterable<WatchEvent>;
}

export type NodeStatus = Omit<NodeStatusResp, "kind">;
export type CreateGroup = Omit<GroupCreateReq, "kind">;
export type CreatedGroup = Omit<GroupCreateResp, "kind">;

export interface ChangeRoster {
  readonly groupId: GroupId;
  readonly op: "add" | "remove";
  /** `undefined`: the id this key has in the roster, or, for `add`, the one derived from the key. */
  readonly nodeId: number | undefined;
  readonly key: PublicKey;
}

export interface RosterChanged {
  readonly group_id: GroupId;
  readonly entry_id: RosterEntryId;
  readonly subject: NodeInfo;
  readonly members: number;
}

export interface MintInvite {
  readonly groupId: GroupId;
  /** Bootstrap peers by node id; `undefined`: the founder and others, at most five, without ourselves. */
  readonly peers: readonly number[] | undefined;
  /** Greater than 0. */
  readonly validForMs: number;
}

export interface JoinRequest {
  readonly input: string;
  readonly timeoutMs: number;
  readonly onProgress?: (progress: JoinProgress) => void;
  readonly signal?: AbortSignal;
}

export interface JoinProgress {
  /** A short word programs can branch on: `dialing`, `waiting`, `redeemed`, `roster`, `messages`. */
  readonly stage: string;
  readonly message: string;
}

export interface Joined {
  readonly status: "joined" | "already_joined";
  readonly group_id: GroupId;
  readonly issuer: NodeInfo | undefined;
  readonly members: number;
  readonly local_node_id: number;
}

export interface PublishRequest {
  /** `undefined`: the only group. */
  readonly groupId: GroupId | undefined;
  readonly topics: readonly string[];
  readonly content: Uint8Array;
  /** 16-64 bytes chosen by the caller: the same token again gives the first answer and publishes nothing. */
  readonly token?: Uint8Array;
}

export interface Published {
  readonly group_id: GroupId;
  readonly message_id: MessageId;
  readonly author: NodeInfo;
  readonly timestamp_ms: bigint;
}

export interface WatchRequest {
  /** `undefined`: all groups, also those joined later. */
  readonly groupId: GroupId | undefined;
  /** Topic pattern; `#` also gives messages without topics. */
  readonly topic: string;
  /** `now`: only what arrives; a number: the last so many first; `all`: everything held first. */
  readonly from: "now" | "all" | number;
  /**
   * Where an earlier watch stopped: per group, the last `seq` seen. When given, `from` counts for nothing: each
   * group goes on after its `seq`, and a group that is not named (joined since) from its first message. That is
   * arrival order, whereas the backlog of `from` comes in time order: places in the middle of it cannot be gone on from.
   */
  readonly after?: ReadonlyMap<GroupId, number>;
  /** Also give peer events. */
  readonly peers: boolean;
  readonly signal: AbortSignal;
}

export type WatchEvent =
  | { readonly kind: "message"; readonly group_id: GroupId; readonly seq: number; readonly message: Message }
  | {
      readonly kind: "peer";
      readonly group_id: GroupId;
      readonly node_id: number;
      readonly entmoot_pubkey: Uint8Array;
      readonly event: "connected" | "lost" | "joined" | "left";
      readonly route: "direct" | "relay" | "none";
    };
