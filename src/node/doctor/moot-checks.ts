import { instantText } from "../../core/amounts.ts";
import type { UnixMs } from "../../core/clock.ts";
import { GroupId, RosterEntryId } from "../../core/ids.ts";
import type { MootStatus, UnopenedMoot } from "../operations/daemon.ts";
import type { DoctorCheck, ExaminedMoot } from "../operations/diagnosis.ts";
import type { LinkRow } from "../operations/invites.ts";
import type { PeerRow } from "../operations/moots.ts";
import { checkOf, type Diagnosis, notChecked } from "./diagnoses.ts";

/** How a refusal that passes ends: how long from then on, and at which instant. */
const TRY_AGAIN = /; try again in [^;]*$/;

export interface MootFacts {
  readonly moot: MootStatus;
  readonly rows: readonly PeerRow[];
  /** The id that the node's key gives it. */
  readonly nodeId: number;
  /** That this node issued; `undefined` where that was not asked. */
  readonly links: readonly LinkRow[] | undefined;
  readonly now: UnixMs;
}

/** What holds for one moot, whichever member is meant. */
export function mootChecks(facts: MootFacts): DoctorCheck[] {
  return [
    checkOf("open", "ok"),
    membershipOf(facts),
    rosterOf(facts),
    ...policyOf(facts),
    ...(facts.moot.founder ? [linksOf(facts)] : []),
  ];
}

/** A moot that is here and not open. */
export function unopenedChecks({ code, group_id, lost, passing, reason }: UnopenedMoot): DoctorCheck[] {
  const isDamaged = !passing && !lost;
  const diagnosis = lost ? "moot_lost" : passing ? "moot_busy" : "moot_damaged";
  const group = GroupId.toBase64(group_id);
  const full = isDamaged && code === "disk_full";
  return [
    checkOf("open", full ? "data_fault" : diagnosis, { group, why: reason, state: passing ? "unknown" : "failed" }),
  ];
}

/** Why this node is no member; `undefined` for a member. */
export function membershipFault({
  moot,
  nodeId,
  rows,
}: Pick<MootFacts, "moot" | "nodeId" | "rows">): Diagnosis | undefined {
  if (moot.local_member) return undefined;
  if (moot.removal !== undefined) return moot.removal.left_ms > 0 ? "left_for_good" : "removed";
  return rows.some((row) => row.node_id === nodeId && !row.self) ? "identity_mismatch" : "not_in_roster";
}

/** The original's word for it. */
export function membershipWord(fault: Diagnosis | undefined): ExaminedMoot["local_member_status"] {
  if (fault === undefined) return "ok";
  return fault === "identity_mismatch" ? fault : "not_in_roster";
}

function membershipOf(facts: MootFacts): DoctorCheck {
  const { left_ms, removal } = facts.moot;
  if (left_ms > 0 && facts.moot.local_member)
    return checkOf("membership", "left", {
      state: "noted",
      why: `left at ${instantText(left_ms)}; its founder has not removed it yet`,
    });
  const fault = membershipFault(facts);
  if (fault === "left_for_good" && removal !== undefined) {
    const why = `left at ${instantText(removal.left_ms)}, and its founder took it off the roster since`;
    return checkOf("membership", fault, { state: "noted", group: GroupId.toBase64(facts.moot.group_id), why });
  }
  if (fault !== "removed" || removal === undefined) return checkOf("membership", fault ?? "ok");
  const how = removal.lost
    ? "its founder gave up the history that had added this node"
    : "its founder removed this node";
  const entry = RosterEntryId.toBase64(removal.entry_id);
  return checkOf("membership", fault, { why: `${how}, by roster entry ${entry}; only the founder can add it again` });
}

function rosterOf({ moot }: MootFacts): DoctorCheck {
  const { doubt, fork, founder, group_id } = moot;
  const group = GroupId.toBase64(group_id);
  if (fork !== undefined) {
    const heads = fork.branches.map(({ head }) => RosterEntryId.toBase64(head));
    const kept = fork.branches.find(({ followed }) => followed) ?? fork.branches[0];
    const head = founder && kept !== undefined ? RosterEntryId.toBase64(kept.head) : "";
    const why = `the founder has signed histories that end at ${heads.join(" and ")}; nothing more is followed until it keeps one`;
    return checkOf("roster", "roster_forked", { group, head, why });
  }
  if (doubt === undefined) return checkOf("roster", "ok");
  return checkOf("roster", moot.members < 2 ? "founder_alone" : "founder_waits", { group, why: doubt });
}

function policyOf({ moot, now }: MootFacts): DoctorCheck[] {
  const { group_id, owed = 0, refused } = moot;
  const group = GroupId.toBase64(group_id);
  const checks: DoctorCheck[] = [];
  if (refused !== undefined) {
    const at = refused.retry_at_ms;
    if (at === 0) {
      const why = `${refused.reason} (until it is changed the same is refused again)`;
      checks.push(checkOf("policy", "policy_refuses", { group, why }));
    } else {
      // What passes by itself is not wrong. The text of the refusal names the time too, as it was seen then.
      const when = `${at <= now ? "was" : "is"} taken from ${instantText(at)} on`;
      const reason = refused.reason.replace(TRY_AGAIN, "");
      checks.push(checkOf("policy", "policy_waits", { group, why: `${reason}: the same ${when}`, state: "noted" }));
    }
  }
  if (owed > 0) {
    const why = `${owed} messages came sooner than the policy allows; each is stored in its turn`;
    checks.push(checkOf("policy", "messages_owed", { group, why, state: "noted" }));
  }
  return checks.length > 0 ? checks : [checkOf("policy", "ok")];
}

/** One that ended is worth a word while no other one is good. */
function linksOf({ links, moot }: MootFacts): DoctorCheck {
  if (links === undefined) return notChecked("links");
  const expired = links.filter(({ status }) => status === "expired");
  const latest = expired.at(-1);
  if (latest === undefined || links.some(({ status }) => status === "active")) return checkOf("links", "ok");
  const why = `link ${latest.id} ended at ${instantText(latest.expires_at_ms)}, and no other one is good: nobody can join by a link`;
  return checkOf("links", "link_expired", { group: GroupId.toBase64(moot.group_id), why, state: "noted" });
}
