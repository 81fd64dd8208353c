/**
 * The library: the records and rules of a moot, its frames, and a client for a running daemon. Records, rules and
 * frames are pure; `connectDaemon` and `connectSocket` open a connection, and what `methodsOf` and `eventsOf` make
 * asks over it.
 */

import { ControlClient } from "./control/control-client.ts";
import { encodeUtf8 } from "./core/bytes/utf8.ts";
import { canonicalJson } from "./core/json/canonical-json.ts";
import type { RosterEntry } from "./core/record/records.ts";
import { RosterLog, type RosterResponseOutcome } from "./core/roster/roster-log.ts";
import { realClock } from "./host/real-clock.ts";

export type { ControlClient } from "./control/control-client.ts";
export { createInvite, decodeInvite, type InviteFields, verifyInvite } from "./core/admission/invite.ts";
export { formatMootLink, type MootLink, parseMootLink } from "./core/admission/moot-link.ts";
export { type UnixMs, unixMs } from "./core/clock.ts";
export { EntmootError, type ErrorCode } from "./core/errors.ts";
export { GroupId, MerkleRoot, MessageId, PublicKey, RosterEntryId } from "./core/ids.ts";
export { type MerkleProof, merkleProve, merkleRoot, merkleVerify } from "./core/order/merkle-tree.ts";
export { type OrderNode, topologicalOrder } from "./core/order/order.ts";
export { matchAny, matchTopic } from "./core/policy/topic.ts";
export { decodeMessage, type MessageFields, messageId, signMessage, verifyMessage } from "./core/record/message.ts";
export type {
  BootstrapPeer,
  Invite,
  MemberProfileAd,
  Message,
  NodeEndpoint,
  NodeInfo,
  RosterEntry,
  TransportAd,
} from "./core/record/records.ts";
export { createGenesis, createRosterEntry, type RosterChange } from "./core/roster/roster-change.ts";
export { RosterLog, type RosterResponseOutcome } from "./core/roster/roster-log.ts";
export { eventsOf } from "./node/operations/events.ts";
export {
  type CallOptions,
  type Methods,
  methodsOf,
  type Operation,
  type Operations,
  operation,
} from "./node/operations/operation.ts";
export { OPERATIONS } from "./node/operations/table.ts";
export { decodeFrame, encodeFrame, type Frame, type OriginalFrame, type UnknownExtension } from "./wire/peer/frame.ts";

/** The daemon of a data root; `undefined` when none listens. Throws `control_unavailable` when it cannot be asked. */
export function connectDaemon(dataDir: string): Promise<ControlClient | undefined> {
  return ControlClient.connect(dataDir, realClock);
}

/** The daemon behind a socket by its path, such as `agent.sock`. As `connectDaemon`. */
export function connectSocket(path: string): Promise<ControlClient | undefined> {
  return ControlClient.connectTo(path, realClock);
}

/** The canonical bytes of any JSON text: keys sorted, no blanks, numbers as written. Throws `malformed_frame`. */
export function canonicalBytes(json: string | Uint8Array): Uint8Array {
  return encodeUtf8(canonicalJson(json));
}

/**
 * `log` (the empty one by default) continued by `entries`, each verified: the log up to the first entry that is
 * refused, and why it stopped there.
 */
export function applyRoster(entries: readonly RosterEntry[], log: RosterLog = RosterLog.empty): RosterResponseOutcome {
  return log.sync(entries);
}
