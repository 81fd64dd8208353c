import { sameBytes } from "../core/bytes/byte-strings.ts";
import type { PublicKey } from "../core/ids.ts";
import type { Invite, NodeInfo } from "../core/record/records.ts";
import type { RosterLog } from "../core/roster/roster-log.ts";

/** Why a roster that is valid in itself is not (yet) the one the invite promises. */
export type AnchorFailure =
  | "empty"
  /** It starts with another founder: another group's roster, or a made-up one. */
  | "wrong_founder"
  /** It does not hold the entry the invite was made at: the peer is behind, or on a fork. */
  | "head_missing"
  /** Who made the invite was no member when it was made, nor is one now. */
  | "issuer_not_member"
  /** Our key is not in it (yet). */
  | "not_member";

/** Whether another answer of the same peer could be better. */
export const IS_FINAL: Readonly<Record<AnchorFailure, boolean>> = {
  empty: true,
  wrong_founder: true,
  head_missing: false,
  issuer_not_member: true,
  not_member: false,
};

/** Each failure for people. */
export const ANCHOR_TEXT: Readonly<Record<AnchorFailure, string>> = {
  empty: "its roster is empty",
  wrong_founder: "its roster starts with a founder other than the invite's",
  head_missing: "its roster lacks the entry the invite was made at; it may be behind",
  issuer_not_member: "the invite's issuer is not a member in its roster",
  not_member: "our key is not in its roster; the founder has to add it",
};

/**
 * Ties a fetched roster to an invite: without this, whoever answers first could make up a group. `log` was
 * built entry by entry and is valid in itself. `undefined` when all holds.
 */
export function checkAnchors(log: RosterLog, invite: Invite, localKey: PublicKey): AnchorFailure | undefined {
  if (log.founder === undefined) return "empty";
  if (!isFounder(log.founder, invite)) return "wrong_founder";
  const headAt = log.entries.findIndex((entry) => entry.id === invite.roster_head);
  if (headAt < 0) return "head_missing";
  const wasIssuerMember = log.history(invite.issuer.pilot_node_id).some(({ key, from, until }) => {
    const heldAtHead = from.index <= headAt && (until === undefined || until.index > headAt);
    return isSameKey(key, invite.issuer.entmoot_pubkey) && (heldAtHead || until === undefined);
  });
  if (!wasIssuerMember) return "issuer_not_member";
  return log.memberByKey(Uint8Array.fromHex(localKey)) === undefined ? "not_member" : undefined;
}

/** Whether a log that begins with `subject` can be the one of the invite. */
export function isFounder(subject: NodeInfo, { founder }: Pick<Invite, "founder">): boolean {
  return subject.pilot_node_id === founder.pilot_node_id && isSameKey(subject.entmoot_pubkey, founder.entmoot_pubkey);
}

function isSameKey(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return b !== null && sameBytes(a, b);
}
