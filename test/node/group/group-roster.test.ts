import { expect, test } from "bun:test";
import fc from "fast-check";
import { unixMs } from "../../../src/core/clock.ts";
import { PublicKey } from "../../../src/core/ids.ts";
import type { RosterEntry } from "../../../src/core/record/records.ts";
import { createGenesis, createRosterEntry } from "../../../src/core/roster/roster-change.ts";
import { RosterLog } from "../../../src/core/roster/roster-log.ts";
import { GroupRoster } from "../../../src/node/group/group-roster.ts";
import { MemoryGroupStore } from "../../../src/store/memory/memory-group-store.ts";
import { identity } from "../../support/identity.ts";
import { GROUP } from "../../support/message.ts";

const FOUNDER = identity(1);

/** A roster of `founder` with this many members besides it. */
function rosterOf(founder: typeof FOUNDER, members: number): GroupRoster {
  const roster = new GroupRoster(new MemoryGroupStore(GROUP).roster);
  roster.append(createGenesis({ seed: founder.seed, nowMs: unixMs(1) }));
  for (let n = 0; n < members; n++) add(roster, founder, 100 + n);
  return roster;
}

function add(roster: GroupRoster, founder: typeof FOUNDER, n: number): void {
  const change = { op: "add", key: identity(n).publicKey } as const;
  roster.append(createRosterEntry({ log: roster.log, seed: founder.seed, nowMs: unixMs(2), change }));
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

test("a part of what is here, wherever it begins, is behind", () => {
  const roster = rosterOf(FOUNDER, 5);
  const { entries } = roster.log;
  expect([entries.slice(0, 3), entries.slice(2, 4)].map((part) => roster.sync(part))).toEqual(["behind", "behind"]);
});

test("entries that begin behind our head leave a gap, and are not taken for a broken log", () => {
  const [ahead, roster] = [rosterOf(FOUNDER, 5), rosterOf(FOUNDER, 1)];
  expect(roster.sync(ahead.log.entries.slice(-2))).toBe("gap");
  expect(roster.length).toBe(2);
  expect(roster.sync(ahead.log.entries)).toBe("extended");
});

test("the log of another founder is refused by its first entry, without a look at its signatures", () => {
  const roster = rosterOf(FOUNDER, 1);
  const looked = { times: 0 };
  expect(roster.sync(watched(rosterOf(identity(2), 20).log.entries, looked))).toBe("rejected");
  expect(looked.times).toBe(0);
});

test("a log that was verified on its way to the store is not looked at again when the group opens", () => {
  const looked = { times: 0 };
  const { entries } = rosterOf(FOUNDER, 20).log;
  const { roster: store } = new MemoryGroupStore(GROUP);
  store.append(watched(entries, looked));
  const roster = new GroupRoster(store, RosterLog.ofVerified(entries));
  expect([roster.length, roster.head, looked.times]).toEqual([21, entries.at(-1)!.id, 0]);
});

test("another history of the same founder is a fork", () => {
  const [ours, theirs] = [rosterOf(FOUNDER, 1), rosterOf(FOUNDER, 1)];
  add(ours, FOUNDER, 50);
  add(theirs, FOUNDER, 51);
  expect(ours.sync(theirs.log.entries)).toBe("forked");
});

test("of other histories as much is kept as may be, also after a restart, and no signature is looked at past it", () => {
  const ours = rosterOf(FOUNDER, 1);
  const before = ours.log;
  add(ours, FOUNDER, 50);
  const policy = JSON.stringify("x".repeat(15_000));
  let theirs = before;
  const change = { op: "policy_change", policy } as const;
  for (let n = 0; n < 600; n++) {
    const step = theirs.apply(createRosterEntry({ log: theirs, seed: FOUNDER.seed, nowMs: unixMs(2), change }));
    if (step.ok) theirs = step.log;
  }
  const store = new MemoryGroupStore(GROUP).roster;
  store.append(ours.log.entries);
  const roster = new GroupRoster(store);
  const looked = { times: 0 };
  roster.learn(watched(theirs.entries, looked), []);
  const kept = roster.sideEntries.length;
  expect(kept).toBeGreaterThan(500);
  expect(kept).toBeLessThan(600);
  expect(roster.learn(watched(theirs.entries.slice(-1), looked), [])).toBe("same");
  const again = new GroupRoster(store);
  expect([again.sideEntries.length, again.forks, again.isForked]).toEqual([kept, roster.forks, true]);
  // An entry that no honest founder makes is not even kept once.
  const huge = createRosterEntry({
    log: before,
    seed: FOUNDER.seed,
    nowMs: unixMs(9),
    change: { op: "policy_change", policy: JSON.stringify("x".repeat(20_000)) },
  });
  expect([roster.learn([huge], []), roster.knows(huge.id)]).toEqual(["same", false]);
});

const change = fc.record({
  op: fc.constantFrom("add", "remove"),
  key: fc.integer({ min: 2, max: 5 }),
  nodeId: fc.integer({ min: 90, max: 94 }),
});

test("members and authors after each change are those that a fresh look finds, ids and keys moved as they may", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
      const { roster: store } = new MemoryGroupStore(GROUP);
      const roster = new GroupRoster(store);
      roster.append(createGenesis({ seed: FOUNDER.seed, nowMs: unixMs(1), nodeId: 92 }));
      for (const { key: n, nodeId, op } of changes) {
        const key = identity(n).publicKey;
        const before = new Map(roster.members);
        const held = roster.members;
        try {
          const made = { op, key, nodeId } as const;
          roster.append(createRosterEntry({ log: roster.log, seed: FOUNDER.seed, nowMs: unixMs(2), change: made }));
        } catch {
          continue; // What the founder itself may not do.
        }
        expect(new Map(held)).toEqual(before);
        const fresh = new GroupRoster(store);
        expect(new Map(roster.members)).toEqual(new Map(fresh.members));
        const keys = [2, 3, 4, 5].map((each) => PublicKey.fromBytes(identity(each).publicKey));
        expect(keys.map((each) => roster.knowsAuthor(each))).toEqual(keys.map((each) => fresh.knowsAuthor(each)));
      }
    }),
  );
});
