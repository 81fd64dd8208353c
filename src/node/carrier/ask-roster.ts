import { type GroupId, type PublicKey, RosterEntryId } from "../../core/ids.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import type { RosterHeal } from "../../core/roster/roster-heal.ts";
import type { Peers } from "./peers.ts";

/** Ours. A page has up to 1 MiB, which takes ten seconds on a line of 1 Mbit/s. */
const TIMEOUT_MS = 15_000;

/** Ours. Pages of a peer's log at most; 65,536 entries. */
const PAGES_MAX = 32;

/** Looks at what a page brought as it comes; `false` when none is wanted behind it. */
export type LookAtPage = (entries: readonly RosterEntry[]) => Promise<boolean>;

export interface RosterQuestion {
  readonly peers: Peers;
  readonly groupId: GroupId;
  readonly to: PublicKey;
  /** The last entry held; `undefined` for the whole log. */
  readonly after: RosterEntryId | undefined;
  /** Asked of each page: all that came is held until it is taken in, so nobody may add to it without end. */
  readonly isGood: LookAtPage;
  readonly ignoreBackoff?: boolean;
}

export interface RosterTold {
  /** As they came, up to the page that was found bad; nothing behind the first bad one was looked at. */
  readonly entries: readonly RosterEntry[];
  /** What the peer calls the group, when it was asked for all of the log; empty for nothing. */
  readonly name: string;
}

/** What a peer's roster log has behind an entry. Throws `PeerRefusal` with `not_found` when it lacks the entry. */
export async function askRosterAfter(question: RosterQuestion): Promise<RosterTold> {
  const { groupId, ignoreBackoff = false, isGood, peers, to } = question;
  const entries: RosterEntry[] = [];
  let name = "";
  let after = question.after ?? RosterEntryId.zero;
  for (let page = 0; page < PAGES_MAX; page++) {
    const request = { kind: "roster_page_req", group_id: groupId, after } as const;
    const answer = await peers.ask(to, request, "roster_page_resp", TIMEOUT_MS, { ignoreBackoff });
    entries.push(...answer.entries);
    if (page === 0) name = answer.name;
    const last = answer.entries.at(-1);
    if (!(await isGood(answer.entries)) || answer.last || last === undefined) break;
    after = last.id;
  }
  return { entries, name };
}

export interface ForksTold {
  /** As they came, up to the page that was found bad. */
  readonly entries: readonly RosterEntry[];
  readonly heals: readonly RosterHeal[];
}

/** What a member knows of other histories of the roster. */
export async function askForks({ groupId, isGood, peers, to }: Omit<RosterQuestion, "after">): Promise<ForksTold> {
  const entries: RosterEntry[] = [];
  const heals: RosterHeal[] = [];
  for (let page = 0; page < PAGES_MAX; page++) {
    const request = { kind: "roster_forks_req", group_id: groupId, from: entries.length } as const;
    const answer = await peers.ask(to, request, "roster_forks_resp", TIMEOUT_MS);
    entries.push(...answer.entries);
    if (page === 0) heals.push(...answer.heals);
    if (!(await isGood(answer.entries)) || answer.last || answer.entries.length === 0) break;
  }
  return { entries, heals };
}

/** What follows `head` up to the entry that removed this node, by a peer that takes it for a stranger. Throws `PeerRefusal`. */
export async function askProof(
  question: Omit<RosterQuestion, "after"> & { readonly head: RosterEntryId; readonly signal: AbortSignal },
): Promise<ForksTold> {
  const { groupId, isGood, peers, signal, to } = question;
  const entries: RosterEntry[] = [];
  const heals: RosterHeal[] = [];
  let { head } = question;
  for (let page = 0; page < PAGES_MAX; page++) {
    const request = { kind: "roster_proof_req", group_id: groupId, head } as const;
    const answer = await peers.ask(to, request, "roster_proof_resp", TIMEOUT_MS, { signal });
    entries.push(...answer.entries);
    if (page === 0) heals.push(...answer.heals);
    const last = answer.entries.at(-1);
    if (!(await isGood(answer.entries)) || answer.last || last === undefined) break;
    head = last.id;
  }
  return { entries, heals };
}
