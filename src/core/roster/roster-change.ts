import { sameBytes } from "../bytes/byte-strings.ts";
import type { UnixMs } from "../clock.ts";
import { type KeyFault, keyFault } from "../curve-point.ts";
import { EntmootError } from "../errors.ts";
import { entmootNodeId, freeNodeId } from "../node-id.ts";
import { namesKey } from "../record/node-key.ts";
import type { NodeInfo, RosterEntry } from "../record/records.ts";
import { PUBLIC_KEY_BYTES, publicKeyOf } from "../signature.ts";
import { signRosterEntry } from "./roster-entry.ts";
import type { RosterLog } from "./roster-log.ts";

/** A new group's first entry: its founder is the key of `seed`, under `nodeId` or the id of the key. */
export function createGenesis(args: {
  readonly seed: Uint8Array;
  readonly nowMs: UnixMs;
  readonly nodeId?: number;
}): RosterEntry {
  const key = publicKeyOf(args.seed);
  const nodeId = args.nodeId ?? entmootNodeId(key);
  checkNodeId(nodeId);
  return signRosterEntry({
    seed: args.seed,
    op: "add",
    subject: { pilot_node_id: nodeId, entmoot_pubkey: key },
    policy: undefined,
    actor: nodeId,
    timestamp: BigInt(args.nowMs),
    parents: [],
  });
}

/** What a founder may do to a roster. */
export type RosterChange =
  | { readonly op: "add"; readonly key: Uint8Array; readonly nodeId?: number }
  | { readonly op: "remove"; readonly nodeId: number; readonly key: Uint8Array }
  | { readonly op: "policy_change"; readonly policy: string };

/**
 * The entry that makes `change` to `log`, signed by the founder's `seed`; `log.apply` takes it. A
 * member added without `nodeId` gets the first id of its key that was never another key's. Throws `conflict` when the id or the key is
 * already a member's or a removed key is not the member's, `not_member` when there is nobody to
 * remove, `invalid_argument` for the founder's removal, a foreign seed, an id that is none or a key that nobody can hold, and
 * `roster_rejected` when the log can take no later entry.
 */
export function createRosterEntry(args: {
  readonly log: RosterLog;
  readonly seed: Uint8Array;
  readonly nowMs: UnixMs;
  readonly change: RosterChange;
}): RosterEntry {
  const { log, seed, nowMs, change } = args;
  const founder = log.founder;
  if (founder === undefined || !namesKey(founder, publicKeyOf(seed))) {
    throw new EntmootError("invalid_argument", "roster: only the group's founder can change it");
  }
  return signRosterEntry({
    seed,
    op: change.op,
    subject: subjectOf(log, founder, change),
    policy: change.op === "policy_change" ? change.policy : undefined,
    actor: founder.pilot_node_id,
    timestamp: nextTimestamp(log, nowMs),
    parents: [log.head],
  });
}

function subjectOf(log: RosterLog, founder: NodeInfo, change: RosterChange): NodeInfo {
  if (change.op === "policy_change") return { pilot_node_id: 0, entmoot_pubkey: null };
  return change.op === "add" ? addedSubject(log, change) : removedSubject(log, founder, change);
}

const KEY_FAULTS: Readonly<Record<KeyFault, string>> = {
  not_a_point: "found bytes that are no point of the curve, so nobody can sign with it",
  small_order: "found a point of small order, with which anybody can sign",
};

function addedSubject(log: RosterLog, { key, nodeId: asked }: RosterChange & { op: "add" }): NodeInfo {
  if (key.length !== PUBLIC_KEY_BYTES) {
    throw new EntmootError("invalid_argument", `roster: key: expected ${PUBLIC_KEY_BYTES} bytes, got ${key.length}`);
  }
  const fault = keyFault(key);
  if (fault !== undefined) {
    throw new EntmootError(
      "invalid_argument",
      `roster: key: expected an Ed25519 public key, ${KEY_FAULTS[fault]}; ask the member for the key that "entmootd info" shows`,
    );
  }
  const nodeId = asked ?? idFor(log, key);
  checkNodeId(nodeId);
  const sameId = log.member(nodeId);
  if (sameId !== undefined) {
    const which = namesKey(sameId, key) ? "this key" : "another key; remove that member first";
    throw new EntmootError("conflict", `roster: node ${nodeId} is already a member with ${which}`);
  }
  const sameKey = log.memberByKey(key);
  if (sameKey !== undefined) {
    throw new EntmootError("conflict", `roster: the key is already a member's, as node ${sameKey.pilot_node_id}`);
  }
  return { pilot_node_id: nodeId, entmoot_pubkey: key };
}

/** By the whole history: an id that was another key's would make that key's messages hard to tell from this one's. */
function idFor(log: RosterLog, key: Uint8Array): number {
  const member = log.memberByKey(key);
  if (member !== undefined) return member.pilot_node_id;
  const isTaken = (nodeId: number) =>
    log.history(nodeId).some((span) => span.key === null || !sameBytes(span.key, key));
  const free = freeNodeId(key, isTaken);
  if (free !== undefined) return free;
  throw new EntmootError(
    "conflict",
    "roster: all node ids of this key are taken by other keys; give it another with -node",
  );
}

function removedSubject(log: RosterLog, founder: NodeInfo, { key, nodeId }: RosterChange & { op: "remove" }): NodeInfo {
  if (nodeId === founder.pilot_node_id) {
    throw new EntmootError("invalid_argument", "roster: the founder cannot be removed");
  }
  const member = log.member(nodeId);
  if (member === undefined) throw new EntmootError("not_member", `roster: node ${nodeId} is not a member`);
  if (!namesKey(member, key)) {
    throw new EntmootError("conflict", `roster: node ${nodeId} is a member with another key`);
  }
  return member;
}

/** Entries must grow strictly later, also when the clock stands still or was set back. */
function nextTimestamp(log: RosterLog, nowMs: UnixMs): bigint {
  const earliest = (log.entries.at(-1)?.timestamp ?? 0n) + 1n;
  if (earliest >= 2n ** 63n) {
    throw new EntmootError("roster_rejected", "roster: the last entry has the latest timestamp there is");
  }
  const now = BigInt(nowMs);
  return now > earliest ? now : earliest;
}

/** 0 means "unset" in half the network, so no new member gets it. */
function checkNodeId(nodeId: number): void {
  if (nodeId >>> 0 !== nodeId || nodeId === 0) {
    throw new EntmootError("invalid_argument", `roster: node id: expected 1 to 4294967295, got ${nodeId}`);
  }
}
