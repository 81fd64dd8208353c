import { unixMs } from "../../src/core/clock.ts";
import type { GroupId } from "../../src/core/ids.ts";
import { createRosterEntry } from "../../src/core/roster/roster-change.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { identity, type TestIdentity } from "./identity.ts";
import { FOUNDER } from "./raw-member.ts";
import type { RawPeer } from "./raw-peer.ts";

/** Entries told at once: fewer than fill what a member may send. */
const TOLD = 500;

export interface LongRoster {
  readonly log: RosterLog;
  /** Those that were added, of whom nothing is ever heard. */
  readonly added: readonly TestIdentity[];
}

/** The log that a node answers a member with. */
export async function rosterOf(peer: RawPeer, group_id: GroupId): Promise<RosterLog> {
  const [answer] = await peer.say({ kind: "roster_req", group_id, since_head: undefined });
  if (answer?.kind !== "roster_resp") throw new Error("no roster");
  return RosterLog.empty.sync(answer.entries).log;
}

/** Makes the roster of a group by the founder of tests so many members longer, and has `peer` tell its node. */
export async function lengthenRoster(peer: RawPeer, group_id: GroupId, members: number): Promise<LongRoster> {
  const before = await rosterOf(peer, group_id);
  const added = Array.from({ length: members }, (_, n) => identity(1_000 + n));
  const nowMs = Date.now();
  let log = before;
  for (const [n, { publicKey }] of added.entries()) {
    const change = { op: "add", key: publicKey } as const;
    const entry = createRosterEntry({ log, seed: FOUNDER.seed, nowMs: unixMs(nowMs + n), change });
    log = RosterLog.ofVerified([...log.entries, entry]);
  }
  for (let at = before.entries.length; at < log.entries.length; at += TOLD) {
    await peer.say({ kind: "roster_resp", group_id, entries: log.entries.slice(at - 1, at + TOLD) });
  }
  return { log, added };
}
