import { expect, test } from "bun:test";
import { unixMs } from "../../../src/core/clock.ts";
import { PublicKey, RosterEntryId } from "../../../src/core/ids.ts";
import type { RosterEntry } from "../../../src/core/record/records.ts";
import { createRosterEntry } from "../../../src/core/roster/roster-change.ts";
import { RosterLog } from "../../../src/core/roster/roster-log.ts";
import { MACHINE_DEFAULTS } from "../../../src/machine/machine-config.ts";
import { ToldRosters } from "../../../src/node/carrier/told-rosters.ts";
import { Group } from "../../../src/node/group/group.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { budgetOf } from "../../support/budget.ts";
import { groupParts } from "../../support/group-parts.ts";
import { identity, type TestIdentity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { GROUP } from "../../support/message.ts";
import { roster } from "../../support/roster.ts";

const [FOUNDER, ALICE] = [identity(1), identity(2)];
const alice = PublicKey.fromBytes(ALICE.publicKey);

/** The founder's copy of a group with Alice, who tells it rosters; `news`: what the log may go on with. */
function world(work: Partial<(typeof MACHINE_DEFAULTS)["work"]> = {}) {
  const clock = new ManualClock();
  const store = new MemoryGroupStore(GROUP);
  const { entries } = roster([FOUNDER, ALICE]);
  store.roster.append(entries);
  const group = new Group(groupParts({ store, local: PublicKey.fromBytes(FOUNDER.publicKey), clock }));
  group.start();
  const budget = budgetOf(clock, { work: { ...MACHINE_DEFAULTS.work, ...work } });
  const told = new ToldRosters({ budget, clock, config: MACHINE_DEFAULTS });
  const news = longer(RosterLog.ofVerified(entries), 40, FOUNDER);
  const looked = { times: 0 };
  return { clock, group, budget, told, news: watched(news, looked), looked };
}

function longer(before: RosterLog, members: number, { seed }: TestIdentity): readonly RosterEntry[] {
  let log = before;
  for (let n = 0; n < members; n++) {
    const change = { op: "add", key: identity(100 + n).publicKey } as const;
    log = RosterLog.ofVerified([...log.entries, createRosterEntry({ log, seed, nowMs: unixMs(10), change })]);
  }
  return log.entries;
}

/** The entries, counting how often a signature is looked at. */
function watched(entries: readonly RosterEntry[], looked: { times: number }): RosterEntry[] {
  return entries.map((entry) => ({
    ...entry,
    get signature() {
      looked.times += 1;
      return entry.signature;
    },
  }));
}

/** Of a signature, by one look at its entry. */
const READS = 2;

const forged = (entry: RosterEntry) => ({ ...entry, signature: new Uint8Array(64) });

test("a member pays for what is new in a roster before a signature of it is looked at", async () => {
  const { group, looked, news, told } = world({ burstMs: 1, sureBurstMs: 0, waitingMax: 0 });
  // What costs more than may be spent at once takes all of that.
  await told.roster(group, [...news.slice(0, 2), forged(news[2]!), ...news.slice(3)], alice);
  looked.times = 0;
  await expect(told.forks(group, { entries: news, heals: [] }, alice)).rejects.toMatchObject({ code: "rate_limited" });
  expect(looked.times).toBe(0);
});

test("each signature of a roster is looked at once", async () => {
  const { group, looked, news, told } = world();
  await told.roster(group, news, alice);
  expect([group.roster.length, looked.times]).toEqual([42, 40 * READS]);
  looked.times = 0;
  await told.roster(group, news, alice);
  expect(looked.times).toBe(0);
});

test("nothing is looked at behind a bad entry, nor of entries that belong to another roster of the founder", async () => {
  const { group, looked, news, told } = world();
  const broken = [...news.slice(0, 3), forged(news[3]!), ...news.slice(4)];
  looked.times = 0;
  await told.roster(group, broken, alice);
  expect([group.roster.length, looked.times]).toEqual([3, READS]);
  const other = { times: 0 };
  const theirs = watched(longer(roster([FOUNDER]), 20, FOUNDER), other);
  await told.forks(group, { entries: theirs.slice(2), heals: [] }, alice);
  expect(other.times).toBe(0);
});

test("who told a broken roster is not listened to for a while, or until ours has changed", async () => {
  const { clock, group, looked, news, told } = world();
  const broken = { ...forged(news[2]!), id: RosterEntryId.fromBytes(new Uint8Array(32).fill(7)) };
  await told.roster(group, [...news.slice(0, 2), broken], alice);
  looked.times = 0;
  await told.roster(group, news, alice);
  expect([group.roster.length, looked.times]).toEqual([2, 0]);
  clock.advance(MACHINE_DEFAULTS.rosterExchange.badMs);
  await told.roster(group, news, alice);
  expect(group.roster.length).toBe(42);
});
