import type { GroupId, RosterEntryId } from "../core/ids.ts";
import type { Invite, Message, NodeInfo } from "../core/record/records.ts";
import type { Joined, JoinProgress, Operations, Published } from "./operations.ts";

/**
 * What the control socket asks of a running node beyond what a person asks: requests of the original's
 * clients and HTTP server, and the way to end the process. Every method throws `EntmootError`.
 */
export interface DaemonOperations extends Operations {
  /**
   * Ends the daemon cleanly soon after it resolves, so that the caller still gets its answer. Idempotent.
   */
  stop(): Promise<void>;
  /**
   * Takes in a message that its author signed elsewhere, exactly as if a peer had sent it; durable when it
   * resolves. A message already held resolves alike. Throws `group_not_found`, `not_member`
   * (author not in the roster), `signature_invalid` (signature or id), `invalid_argument`, `rate_limited`.
   */
  publishSigned(message: Message): Promise<Published>;
  /** Joins by an invite at hand. Throws as `join`, and `expired` or `signature_invalid` for the invite. */
  joinByInvite(request: JoinByInvite): Promise<Joined>;
  /**
   * Adds `target` to the roster unless it is there with the same key, then mints an invite. Throws
   * `invalid_argument`, `group_not_found`, `not_member` (we are not the founder), `conflict` (another key under that id).
   */
  admit(request: Admit): Promise<Admitted>;
  /** As `changeRoster` with `remove`, for a target named by both id and key; throws as the original's handler answers. */
  expel(request: { readonly groupId: GroupId; readonly target: NodeInfo }): Promise<RosterState>;
  /** Whether this node may admit to the group: throws `group_not_found`, `not_member`. */
  inviteAuthority(groupId: GroupId): Promise<RosterState>;
  /**
   * Asks each peer for a sign of life over the carrier, a few at a time; one row per peer, in the order asked.
   * An unreachable peer is a row, not an error. Throws `group_not_found`.
   */
  probe(request: Probe): Promise<ProbeRow[]>;
}

export interface JoinByInvite {
  readonly invite: Invite;
  /** Display metadata as JSON text; its `name` becomes the group's local name. */
  readonly metadata: string | undefined;
  /** Policy as JSON text, kept for the group when the join succeeds. Throws `invalid_argument` when it is no policy. */
  readonly policy: string | undefined;
  readonly timeoutMs: number;
  readonly onProgress?: (progress: JoinProgress) => void;
  readonly signal?: AbortSignal;
}

export interface Admit {
  readonly groupId: GroupId;
  readonly target: NodeInfo;
  /** Bootstrap peers by node id; `undefined` as in `MintInvite`. */
  readonly peers: readonly number[] | undefined;
  /** When the invite ends: after so many milliseconds (above 0), or at an instant in Unix milliseconds. */
  readonly validity: { readonly forMs: number } | { readonly untilMs: bigint };
}

/** The roster after (or without) a change. */
export interface RosterState {
  readonly group_id: GroupId;
  readonly roster_head: RosterEntryId;
  readonly members: number;
}

export interface Admitted extends RosterState {
  readonly invite: Invite;
}

export interface Probe {
  readonly groupId: GroupId;
  /** Node ids, at most 256. */
  readonly peers: readonly number[];
  /** For each peer; from 250 to 30,000. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

export interface ProbeRow {
  readonly node_id: number;
  readonly ok: boolean;
  readonly rtt_ms: number | undefined;
  /** Why not, in words; contains `timeout` when nothing came in time. */
  readonly error: string | undefined;
  /** Node id of the member that answered. */
  readonly responder: number | undefined;
  /** The peer's clock when it answered, Unix milliseconds. */
  readonly received_ms: number | undefined;
}
