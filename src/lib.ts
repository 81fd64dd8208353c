/**
 * The library: the records and rules of a moot, its frames, and a client for a running daemon.
 * Everything here is pure but `ControlClient`.
 */

import { canonicalJson } from "./core/json-text.ts";
import type { RosterEntry } from "./core/records.ts";
import { RosterLog, type RosterSync } from "./core/roster-log.ts";
import { encodeUtf8 } from "./core/utf8.ts";

export { ControlClient } from "./control/control-client.ts";
export { EntmootError, type ErrorCode } from "./core/errors.ts";
export { GroupId, MerkleRoot, MessageId, PublicKey, RosterEntryId } from "./core/ids.ts";
export { createInvite, decodeInvite, type InviteFields, verifyInvite } from "./core/invite.ts";
export { type MerkleProof, merkleProve, merkleRoot, merkleVerify } from "./core/merkle-tree.ts";
export { decodeMessage, type MessageFields, messageId, signMessage, verifyMessage } from "./core/message.ts";
export { formatMootLink, type MootLink, parseMootLink } from "./core/moot-link.ts";
export { type OrderNode, topologicalOrder } from "./core/order.ts";
export type {
  BootstrapPeer,
  Invite,
  MemberProfileAd,
  Message,
  NodeEndpoint,
  NodeInfo,
  RosterEntry,
  TransportAd,
} from "./core/records.ts";
export { createGenesis, createRosterEntry, type RosterChange } from "./core/roster-change.ts";
export { RosterLog, type RosterSync } from "./core/roster-log.ts";
export { matchAny, matchTopic } from "./core/topic.ts";
export type { Operations } from "./node/operations.ts";
export { decodeFrame, encodeFrame, type Frame, type OriginalFrame, type UnknownExtension } from "./wire/frame.ts";

/** The canonical bytes of any JSON text: keys sorted, no blanks, numbers as written. Throws `malformed_frame`. */
export function canonicalBytes(json: string | Uint8Array): Uint8Array {
  return encodeUtf8(canonicalJson(json));
}

/**
 * `log` (the empty one by default) continued by `entries`, each verified: the log up to the first entry that is
 * refused, and why it stopped there.
 */
export function applyRoster(entries: readonly RosterEntry[], log: RosterLog = RosterLog.empty): RosterSync {
  return log.sync(entries);
}
