import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { unixMs } from "../../src/core/clock.ts";
import { factsOf, whetherKept } from "../../src/core/kept.ts";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import { topologicalOrder } from "../../src/core/order/order.ts";
import { POLICY_PRESETS, type Policy } from "../../src/core/policy/policy.ts";
import { PolicyHistory, type PolicyNote } from "../../src/core/policy/policy-history.ts";
import { isPolicyUpdate, parsePolicyUpdate } from "../../src/core/policy/policy-update.ts";
import { KEEP_DAYS, retentionDay } from "../../src/core/policy/retention.ts";
import { messageForms } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import type { GroupStore, MessageQuery } from "../../src/store/group-store.ts";
import { MemoryGroupStore } from "../../src/store/memory/memory-group-store.ts";
import { SqliteGroupStore } from "../../src/store/sqlite/sqlite-group-store.ts";
import { GROUP } from "../support/message.ts";
import { anyMootHistory, FOUNDER_ID, type MootHistory, START } from "../support/moot-history.ts";
import { END, type MemberPlan, MootMember, type Step } from "../support/moot-member.ts";
import { queried } from "../support/queried.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Int32Array(1))[0]);
const RUNS = 60;
/** What failed is made smaller for so long; the limit of all tests would end it without a word. */
const SHRINK_MS = 90_000;
/** As many as there may be of entries, of either history, heals, messages and the first policy. */
const STEPS = 32;
const DAY = 86_400_000;

const anyStep: fc.Arbitrary<Step> = fc.record({
  rank: fc.nat({ max: 1000 }),
  via: fc.constantFrom("push", "fetch", "pull"),
  isOverlapping: fc.boolean(),
});

const anyMember: fc.Arbitrary<MemberPlan> = fc.record({
  steps: fc.array(anyStep, { minLength: STEPS, maxLength: STEPS }),
  knowsTimeAt: fc.nat({ max: 1000 }),
  aheadMs: fc.constantFrom(0, 0, -600_000, 600_000, 40 * DAY, -20 * DAY),
  rightAt: fc.nat({ max: 1000 }),
  deaths: fc.array(fc.record({ afterWrites: fc.nat({ max: 12 }), isWritten: fc.boolean() }), { maxLength: 3 }),
});

/** Retention that lets go of nothing, of what is older than the day of the first entry, of that day, and of a month. */
const SINCE_START = BigInt(Math.floor(END / DAY) - Math.floor(Number(START) / DAY));
const DAYS = [KEEP_DAYS, SINCE_START, SINCE_START - 1n, 30n];

/** Rates that hold nobody up, and such that hold up nearly all. */
const SLOW = { message_rate_per_author: "1/h", message_burst_per_author: 1n, byte_rate_per_author: "1KiB/min" };
const QUICK = { message_rate_per_author: "1000/s", message_burst_per_author: 1000n, byte_rate_per_author: "1GiB/s" };
const policyOf = (max_message_bytes: bigint, retention_days: bigint): Policy => {
  return {
    ...{ ...POLICY_PRESETS.standard, ...QUICK },
    ...{ byte_burst_per_author: 2n ** 30n, max_message_bytes, retention_days },
  };
};
const slow = (max_message_bytes: bigint, retention_days: bigint): Policy => {
  return {
    ...{ ...POLICY_PRESETS.standard, ...SLOW },
    ...{ byte_burst_per_author: 100_000n, max_message_bytes, retention_days },
  };
};
const anyPolicy = fc.oneof(
  { weight: 1, arbitrary: fc.constant(undefined) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        fc.constantFrom(policyOf, policyOf, slow),
        fc.constantFrom(10n, 8_192n, 100_000n),
        fc.constantFrom(...DAYS),
      )
      .map(([make, bytes, days]) => make(bytes, days)),
  },
);

/** What all have to end with. */
function expected({ entries, lost, messages, policy }: MootHistory): Message[] {
  const log = RosterLog.empty.sync(entries).log.withFormer(lost);
  const policies = PolicyHistory.of(policy, notesOf(messages, log));
  const days = policies.at(BigInt(END))?.retention_days;
  const oldest = days === undefined ? undefined : retentionDay(days, unixMs(END));
  return messages.filter((message) => {
    const { author, timestamp, topics } = message;
    const isUpdate = isPolicyUpdate({ author: author.pilot_node_id, topics }, FOUNDER_ID);
    const isForgotten = oldest !== undefined && oldest > 0n && timestamp < oldest && !isUpdate;
    return !isForgotten && whetherKept(factsOf(message, messageForms(message)), log, policies).kept;
  });
}

/** What the founder's updates say, by whoever brought them. */
function notesOf(messages: readonly Message[], log: RosterLog): PolicyNote[] {
  return messages.flatMap((message) => {
    const { author, content, id, timestamp, topics } = message;
    const isUpdate = isPolicyUpdate({ author: author.pilot_node_id, topics }, FOUNDER_ID);
    const facts = factsOf(message, messageForms(message));
    if (!isUpdate || content.length < 12 || !whetherKept(facts, log, new PolicyHistory(undefined)).kept) return [];
    try {
      const { policy, sequence } = parsePolicyUpdate(content);
      return [{ id, from: timestamp, sequence, policy }];
    } catch {
      return [];
    }
  });
}

const rootOf = (all: readonly Message[]) =>
  merkleRoot(
    topologicalOrder(
      all.map(({ author, id, parents, timestamp }) => ({ id, author: author.pilot_node_id, timestamp, parents })),
    ),
  );

/** Everything that stands beside the messages, which two stores are to have alike after the same. */
function marksOf({ messages }: GroupStore) {
  const shown: MessageQuery = { order: "asc", limit: 99 };
  return {
    log: messages.arrivedAfter(0, 99).map(({ arrivedMs, id, seq }) => ({ id, seq, arrivedMs })),
    shown: queried(messages, shown).map(({ id, seq }) => ({ id, seq })),
    counts: [messages.size, messages.apart, messages.pruned, messages.lastSeq()],
    parents: messages.nextParents(),
  };
}

test(`whatever came in which order by which way, all members end with one set and one root (SEED=${SEED})`, async () => {
  using directory = new TemporaryDirectory();
  let databases = 0;
  const open = (path: string) => SqliteGroupStore.open(path, { groupId: GROUP, access: "write", alone: true });
  await fc.assert(
    fc.asyncProperty(
      anyMootHistory(anyPolicy),
      fc.array(anyMember, { minLength: 3, maxLength: 3 }),
      // Each commit waits for the disk.
      fc.nat({ max: 3 }).map((n) => n === 0),
      async (history, plans, isOnDiskToo) => {
        const wanted = [...new Map(expected(history).map((message) => [message.id, message])).values()];
        const ends: string[] = [];
        for (const [at, plan] of plans.entries()) {
          const inMemory = new MemoryGroupStore(GROUP);
          const memory = await ended(() => inMemory, history, plan);
          expectAll(memory, wanted);
          ends.push(`${memory.roster.head} ${memory.roster.forks}`);
          if (at > 0 || !isOnDiskToo) continue;
          const path = join(directory.path, `${databases++}.sqlite`);
          let opened: SqliteGroupStore | undefined;
          const reopened = () => {
            opened?.[Symbol.dispose]();
            opened = open(path);
            return opened;
          };
          const sqlite = await ended(reopened, history, plan);
          expectAll(sqlite, wanted);
          // One that waits for the disk may have come to another of its writes when it dies.
          if (plan.deaths.length === 0) expect(marksOf(sqlite.store)).toEqual(marksOf(memory.store));
          opened?.[Symbol.dispose]();
        }
        expect(new Set(ends).size).toBe(1);
      },
    ),
    { numRuns: RUNS, seed: SEED, interruptAfterTimeLimit: SHRINK_MS, markInterruptAsFailure: true },
  );
});

async function ended(store: () => GroupStore, history: MootHistory, plan: MemberPlan) {
  const member = new MootMember(store, history, plan);
  await member.live(plan);
  return member.group;
}

function expectAll({ store: { messages } }: { readonly store: GroupStore }, wanted: readonly Message[]): void {
  expect(new Set(messages.placesAfter(undefined, 99).map(({ id }) => id))).toEqual(new Set(wanted.map(({ id }) => id)));
  if (wanted.length > 0) expect(messages.merkleRoot()).toBe(rootOf(wanted));
  // Each is in the log once, or apart.
  const logged = messages.arrivedAfter(0, 99).map(({ id }) => id);
  expect([new Set(logged).size, logged.length + messages.apart]).toEqual([logged.length, wanted.length]);
}
