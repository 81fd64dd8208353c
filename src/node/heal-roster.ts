import { EntmootError } from "../core/errors.ts";
import { RosterEntryId } from "../core/ids.ts";
import { keyOf, shownKey } from "../core/record/node-key.ts";
import type { NodeInfo, RosterEntry } from "../core/record/records.ts";
import type { RosterBranch, RosterFork } from "../core/roster/roster-forks.ts";
import { signRosterHeal } from "../core/roster/roster-heal.ts";
import { RosterLog } from "../core/roster/roster-log.ts";
import { addMember, requireFounder } from "./change-roster.ts";
import type { Group } from "./group/group.ts";
import type { NodeContext } from "./node-context.ts";
import type { RosterHealed, roster_heal } from "./operations/moots.ts";
import type { RequestOf } from "./operations/operation.ts";
import { TWIN_WARNING } from "./twin-watch.ts";

type Readmission = RosterHealed["readmitted"][number];

/**
 * Ends the forks on the way to the entry that is kept, as the founder, then adds again whom the lost histories had
 * added. With `dry_run` only says what it would do. Asked again for what is kept already it adds who is still missing.
 */
export function healRoster(context: NodeContext, request: RequestOf<typeof roster_heal>): RosterHealed {
  const { dry_run = false, group_id, keep } = request;
  const group = context.requireGroup(group_id);
  requireFounder(group);
  const history = group.roster.historyTo(keep);
  if (history === undefined) {
    throw new EntmootError(
      "not_found",
      `no history with entry ${RosterEntryId.toBase64(keep)} is known here; "entmootd info" names the heads`,
    );
  }
  const { fork } = group.roster;
  if (fork === undefined && !group.roster.log.has(keep)) {
    throw new EntmootError("conflict", "this history was given up when the fork was healed; only the kept one goes on");
  }
  const kept = fork === undefined ? undefined : keptBranch(fork, history);
  if (fork !== undefined && fork.branches.length < 2) {
    throw new EntmootError(
      "unavailable",
      "the history that was kept is not known here yet; run the daemon until a member is met",
    );
  }
  const sides = sidesOf(group, { fork, kept });
  const plan = { lost: sides.lost.map(({ head }) => head), missing: missingOf(sides), removed: removedOf(sides) };
  if (!dry_run && fork !== undefined) signHeals(context, group, { history, keep });
  const readmitted = plan.missing.map((member) =>
    dry_run ? { ...rowOf(member), error: undefined } : readmit(context, group, member),
  );
  const { log } = group.roster;
  return {
    group_id,
    dry_run,
    fork: fork?.point,
    kept: keep,
    lost: plan.lost,
    readmitted,
    removed_there: plan.removed.map(rowOf),
    roster_head: log.head,
    members: log.members.length,
  };
}

/** One heal for each fork that nothing heals yet on the way to `keep`. */
function signHeals(
  context: NodeContext,
  group: Group,
  { history, keep }: { readonly history: readonly RosterEntry[]; readonly keep: RosterEntryId },
): void {
  // On a fork nobody but the founder decides, whether or not its copy is the latest: of two heals one counts everywhere.
  if (context.twins.seenAt !== undefined) throw new EntmootError("conflict", TWIN_WARNING);
  group.doubt.dismiss();
  for (let fork = group.roster.fork; fork !== undefined; ) {
    const { point } = fork;
    const on = keptBranch(fork, history);
    const lost = fork.branches.filter(({ first }) => first.id !== on.first.id);
    if (lost.length === 0) break;
    const longest = lost.reduce((most, branch) => (branch.entries > most.entries ? branch : most));
    const timestamp = BigInt(context.clock.unix());
    const { seed } = context.identity;
    group.healRoster(
      signRosterHeal({ seed, group_id: group.id, fork: point, kept: keep, lost: longest.head, timestamp }),
    );
    fork = group.roster.fork;
    // A fork behind what was named is another question.
    if (fork === undefined || fork.point === point || !history.some(({ id }) => id === fork?.point)) return;
    if (history.at(-1)?.id === fork.point) return;
  }
}

/** The branch that the history to the kept entry takes. Throws `conflict` when it ends before it parts. */
function keptBranch({ branches }: RosterFork, history: readonly RosterEntry[]): RosterBranch {
  const kept = branches.find(({ first }) => history.some(({ id }) => id === first.id));
  if (kept !== undefined) return kept;
  const heads = branches.map(({ head }) => RosterEntryId.toBase64(head)).join(" or ");
  throw new EntmootError("conflict", `keep: expected an entry behind the fork, such as ${heads}, found one before it`);
}

interface Side {
  readonly head: RosterEntryId;
  readonly log: RosterLog;
  /** Node ids and keys that its own entries added. */
  readonly added: ReadonlySet<string>;
}

interface Sides {
  readonly kept: Side;
  readonly lost: readonly Side[];
}

/** What stands behind the fork on each side; without one the log, and every lost history that is known. */
function sidesOf(
  group: Group,
  { fork, kept }: { readonly fork: RosterFork | undefined; readonly kept: RosterBranch | undefined },
): Sides {
  const { roster } = group;
  const side = (head: RosterEntryId): Side => {
    const entries = roster.historyTo(head) ?? [];
    return { head, log: RosterLog.ofVerified(entries), added: addedBy(entries, group, fork?.point) };
  };
  if (fork !== undefined && kept !== undefined) {
    const lost = fork.branches.filter(({ first }) => first.id !== kept.first.id);
    return { kept: side(kept.head), lost: lost.map(({ head }) => side(head)) };
  }
  const parents = new Set(roster.sideEntries.flatMap(({ parents }) => parents));
  const ends = roster.sideEntries.filter(({ id }) => !parents.has(id));
  return { kept: side(roster.head), lost: ends.map(({ id }) => side(id)) };
}

function addedBy(entries: readonly RosterEntry[], { roster }: Group, point: RosterEntryId | undefined): Set<string> {
  const from =
    point === undefined
      ? entries.findIndex(({ id }) => !roster.log.has(id))
      : entries.findIndex(({ id }) => id === point) + 1;
  const own = from < 0 ? [] : entries.slice(from);
  return new Set(own.filter(({ op }) => op === "add").map(({ subject }) => nameOf(subject)));
}

/** Whom a lost history had added at its end, and the kept one never had. */
function missingOf({ kept, lost }: Sides): NodeInfo[] {
  const had = new Set([...kept.log.everKeys()].map(({ entmoot_pubkey }) => entmoot_pubkey?.toHex()));
  const missing = new Map<string, NodeInfo>();
  for (const { added, log } of lost) {
    for (const member of log.members) {
      const key = keyOf(member);
      if (key !== undefined && added.has(nameOf(member)) && !had.has(key)) missing.set(key, member);
    }
  }
  return [...missing.values()];
}

/** Members whom a lost history had removed: the kept one still has them. */
function removedOf({ kept, lost }: Sides): NodeInfo[] {
  return kept.log.members.filter((member) =>
    lost.some(({ log }) => !log.members.some((there) => nameOf(there) === nameOf(member)) && wasIn(log, member)),
  );
}

function wasIn(log: RosterLog, { entmoot_pubkey, pilot_node_id }: NodeInfo): boolean {
  return log.history(pilot_node_id).some(({ key }) => key?.toHex() === entmoot_pubkey?.toHex());
}

/** Under its own id again, so that what it wrote is its own; under another where somebody else has that by now. */
function readmit(context: NodeContext, group: Group, member: NodeInfo): Readmission {
  const key = keyOf(member)!;
  try {
    const isFree = group.roster.log.member(member.pilot_node_id) === undefined;
    const added = addMember(context, group, key, isFree ? member.pilot_node_id : undefined);
    return { ...rowOf(added), error: undefined };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return { ...rowOf(member), error: error.message };
  }
}

function rowOf(member: NodeInfo) {
  return { node_id: member.pilot_node_id, entmoot_pubkey: shownKey(keyOf(member)) };
}

function nameOf({ entmoot_pubkey, pilot_node_id }: NodeInfo): string {
  return `${pilot_node_id} ${entmoot_pubkey?.toHex() ?? ""}`;
}
