import type { GroupId, MerkleRoot, MessageId, RosterEntryId } from "../ids.ts";

/**
 * The records of the data model, as typed values. Keys are the wire's. Byte strings that an
 * omit rule drops when empty (`content`, `signature`) are empty arrays when absent; those
 * without one distinguish `null` from empty, because their signing form does.
 */

/** A member as a record names it: the 32-bit id is an attribute of the membership, the key is the identity. */
export interface NodeInfo {
  /** uint32; 0 is "unset". */
  readonly pilot_node_id: number;
  /** 32 bytes when valid; any length decodes. */
  readonly entmoot_pubkey: Uint8Array | null;
}

export interface Message {
  readonly id: MessageId;
  readonly group_id: GroupId;
  readonly author: NodeInfo;
  /** int64, Unix milliseconds, the author's clock. */
  readonly timestamp: bigint;
  readonly topics: readonly string[];
  readonly parents: readonly MessageId[];
  readonly content: Uint8Array;
  readonly references: readonly MessageId[];
  /** 64 bytes; empty in the signing form. */
  readonly signature: Uint8Array;
}

export interface RosterEntry {
  readonly id: RosterEntryId;
  /** `add`, `remove` or `policy_change` once applied; any text decodes. */
  readonly op: string;
  readonly subject: NodeInfo;
  /** Raw JSON source text, or `undefined` when absent. The text `null` is not absent. */
  readonly policy: string | undefined;
  readonly actor: number;
  readonly timestamp: bigint;
  readonly parents: readonly RosterEntryId[];
  readonly signature: Uint8Array;
}

export interface NodeEndpoint {
  readonly network: string;
  readonly addr: string;
}

export interface BootstrapPeer {
  readonly node_id: number;
  readonly hostname: string;
  readonly endpoints: readonly NodeEndpoint[];
}

export interface Invite {
  readonly merkle_root: MerkleRoot;
  readonly group_id: GroupId;
  readonly founder: NodeInfo;
  readonly roster_head: RosterEntryId;
  readonly bootstrap_peers: readonly BootstrapPeer[] | null;
  readonly issued_at: bigint;
  /** 0 or negative: no expiry asserted. */
  readonly valid_until: bigint;
  readonly issuer: NodeInfo;
  readonly signature: Uint8Array;
}

export interface TransportAd {
  readonly group_id: GroupId;
  readonly author: NodeInfo;
  /** uint64. */
  readonly seq: bigint;
  readonly endpoints: readonly NodeEndpoint[] | null;
  readonly issued_at: bigint;
  readonly not_after: bigint;
  readonly signature: Uint8Array;
}

export interface MemberProfileAd {
  readonly group_id: GroupId;
  readonly author: NodeInfo;
  /** uint64. */
  readonly seq: bigint;
  readonly hostname: string;
  readonly issued_at: bigint;
  readonly not_after: bigint;
  readonly signature: Uint8Array;
}
