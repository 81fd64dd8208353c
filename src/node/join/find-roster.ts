import type { Clock } from "../../core/clock.ts";
import { textOf } from "../../core/errors.ts";
import type { PublicKey, RosterEntryId } from "../../core/ids.ts";
import type { Invite } from "../../core/record/records.ts";
import { checkSeal, RosterLog } from "../../core/roster/roster-log.ts";
import { explainRejection } from "../../core/roster/roster-rejection.ts";
import { Join, type JoinCandidate, type JoinEffect, type JoinEvent } from "../../machine/join.ts";
import type { MachineConfig } from "../../machine/machine-config.ts";
import { askRosterAfter, type LookAtPage } from "../carrier/ask-roster.ts";
import { failureOf, PeerRefusal, type Peers } from "../carrier/peers.ts";
import type { Turns } from "../turns.ts";
import { driveMachine, type JoinAttempt } from "./drive-machine.ts";

type FoundLog = Extract<JoinEffect, { kind: "joined" }>;

export interface FoundRoster extends FoundLog {
  /** What the member that served it calls the group; empty for nothing. */
  readonly name: string;
}

export interface FindRosterParts {
  readonly peers: Peers;
  readonly turns: Turns;
  readonly local: PublicKey;
  readonly config: MachineConfig;
  readonly clock: Clock;
}

/** A roster that is the one the invite promises, from whichever member serves it first. Throws `not_member`, `roster_rejected`, `unavailable`. */
export async function findRoster(
  { clock, config, local, peers, turns }: FindRosterParts,
  invite: Invite,
  attempt: JoinAttempt,
): Promise<FoundRoster> {
  const names = new Map<PublicKey, string>();
  const found = await driveMachine<JoinEvent, JoinEffect, FoundLog>({
    machine: new Join({ invite, localKey: local, deadlineMs: attempt.deadline, config }),
    start: { kind: "start" },
    timer: { kind: "timer" },
    clock,
    signal: attempt.signal,
    progress: attempt.progress,
    carryOut: (effect, { tell, end }) => {
      if (effect.kind === "joined") end(effect);
      else void askCandidate({ peers, turns, invite }, effect.to, names).then(tell);
    },
  });
  return { ...found, name: (found.from.key === undefined ? undefined : names.get(found.from.key)) ?? "" };
}

/** Never rejects. What the candidate calls the group goes to `names`. */
async function askCandidate(
  { invite, peers, turns }: Pick<FindRosterParts, "peers" | "turns"> & { readonly invite: Invite },
  from: JoinCandidate,
  names: Map<PublicKey, string>,
): Promise<JoinEvent> {
  const noRoster = (why: "unreachable" | "refused" | "invalid", detail: string): JoinEvent => ({
    kind: "no_roster",
    from,
    why,
    detail,
  });
  if (from.key === undefined) {
    return noRoster("unreachable", "its key is not in the invite, and this carrier dials by key");
  }
  try {
    const isGood = lookAtSeals(invite.founder.entmoot_pubkey, turns);
    const question = { peers, groupId: invite.group_id, to: from.key, after: undefined, isGood, ignoreBackoff: true };
    const { entries, name } = await askRosterAfter(question);
    names.set(from.key, name);
    const { log, stopped } = RosterLog.empty.sync(entries);
    if (stopped === undefined) return { kind: "roster", from, log };
    if (stopped === "empty_response" || stopped === "missing_local_head")
      return noRoster("invalid", "its roster is empty");
    return noRoster("invalid", `its roster is broken at entry ${log.entries.length + 1}: ${explainRejection(stopped)}`);
  } catch (error) {
    const detail = textOf(error);
    if (error instanceof PeerRefusal && error.code === "not_member") return noRoster("refused", detail);
    return noRoster(failureOf(error) === "refused" ? "invalid" : "unreachable", detail);
  }
}

/** Looks at the signatures of a log of which nothing is known but its founder, so that taking it in afterwards is quick. */
function lookAtSeals(founder: Uint8Array | null, turns: Turns): LookAtPage {
  const seen = new Set<RosterEntryId>();
  return async (page) => {
    for (const entry of page) {
      await turns.take();
      if (seen.has(entry.id) || checkSeal(entry, founder) !== undefined) return false;
      seen.add(entry.id);
    }
    return true;
  };
}
