import type { Clock } from "../../core/clock.ts";
import { textOf } from "../../core/errors.ts";
import type { PublicKey } from "../../core/ids.ts";
import type { Invite } from "../../core/record/records.ts";
import { explainRejection } from "../../core/roster/roster-rejection.ts";
import { Join, type JoinCandidate, type JoinEffect, type JoinEvent } from "../../machine/join.ts";
import { ANCHOR_TEXT, isFounder } from "../../machine/join-anchors.ts";
import type { MachineConfig } from "../../machine/machine-config.ts";
import { askRosterAfter, type LookAtPage } from "../carrier/ask-roster.ts";
import { failureOf, PeerRefusal, type Peers } from "../carrier/peers.ts";
import type { Turns } from "../turns.ts";
import { driveMachine, type JoinAttempt } from "./drive-machine.ts";
import { FirstRoster } from "./first-roster.ts";
import type { JoinRoom } from "./join-room.ts";

type FoundLog = Extract<JoinEffect, { kind: "joined" }>;

export interface FoundRoster extends FoundLog {
  /** What the member that served it calls the group; empty for nothing. */
  readonly name: string;
}

export interface FindRosterParts {
  readonly peers: Peers;
  readonly local: PublicKey;
  readonly config: MachineConfig;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly room: JoinRoom;
}

/** A roster that is the one the invite promises, from whichever member serves it first. Throws `not_member`, `roster_rejected`, `unavailable`. */
export async function findRoster(
  { clock, config, local, peers, room, turns }: FindRosterParts,
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
      else void askCandidate({ peers, room, turns }, invite, effect.to, names).then(tell);
    },
  });
  return { ...found, name: (found.from.key === undefined ? undefined : names.get(found.from.key)) ?? "" };
}

/** Never rejects. What the candidate calls the group goes to `names`. */
async function askCandidate(
  { peers, room: joinRoom, turns }: Pick<FindRosterParts, "peers" | "room" | "turns">,
  invite: Pick<Invite, "founder" | "group_id">,
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
    const roster = new FirstRoster(turns);
    using part = joinRoom.part();
    let room = "taken" as ReturnType<typeof part.take>;
    let isOthers = false;
    const isGood: LookAtPage = async (page) => {
      // Anybody can sign a log of its own without end: it takes no room from that of the invite's founder.
      isOthers = roster.length === 0 && page[0] !== undefined && !isFounder(page[0].subject, invite);
      if (isOthers) return false;
      room = part.take(page);
      return room === "taken" && (await roster.take(page));
    };
    const { name } = await askRosterAfter({
      peers,
      groupId: invite.group_id,
      to: from.key,
      after: undefined,
      isGood,
      ignoreBackoff: true,
    });
    names.set(from.key, name);
    const { length, stopped } = roster;
    if (isOthers) return noRoster("invalid", ANCHOR_TEXT.wrong_founder);
    if (room === "too much") return noRoster("invalid", "with it more would come of rosters than one join takes");
    if (room === "no room") return noRoster("unreachable", "there was no room for its roster beside those of others");
    if (stopped === undefined && length > 0) return { kind: "roster", from, log: roster.log() };
    if (stopped === undefined) return noRoster("invalid", "its roster is empty");
    return noRoster("invalid", `its roster is broken at entry ${length + 1}: ${explainRejection(stopped)}`);
  } catch (error) {
    const detail = textOf(error);
    if (error instanceof PeerRefusal && error.code === "not_member") return noRoster("refused", detail);
    return noRoster(failureOf(error) === "refused" ? "invalid" : "unreachable", detail);
  }
}
