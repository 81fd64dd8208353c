import { expect, test } from "bun:test";
import { join } from "node:path";
import fc from "fast-check";
import { PublicKey } from "../../src/core/ids.ts";
import { factsOf, whetherKept } from "../../src/core/kept.ts";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import { topologicalOrder } from "../../src/core/order/order.ts";
import { formatPolicy, POLICY_PRESETS, type Policy } from "../../src/core/policy/policy.ts";
import { PolicyHistory, type PolicyNote } from "../../src/core/policy/policy-history.ts";
import { isPolicyUpdate, POLICY_TOPIC, parsePolicyUpdate } from "../../src/core/policy/policy-update.ts";
import { messageCanonical, messageForms } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { verifySignature } from "../../src/core/signature.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { Via } from "../../src/machine/event.ts";
import { BatchWriter } from "../../src/node/group/batch-writer.ts";
import { GroupPolicy, POLICY_FACT } from "../../src/node/group/group-policy.ts";
import { GroupRoster } from "../../src/node/group/group-roster.ts";
import { Ingest } from "../../src/node/group/ingest.ts";
import { Owed } from "../../src/node/group/owed.ts";
import { PolicyPass } from "../../src/node/group/policy-pass.ts";
import type { GroupStore } from "../../src/store/group-store.ts";
import { MemoryGroupStore } from "../../src/store/memory/memory-group-store.ts";
import { SqliteGroupStore } from "../../src/store/sqlite/sqlite-group-store.ts";
import { identity } from "../support/identity.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { GROUP } from "../support/message.ts";
import { anyMootHistory, FOUNDER_ID, type MootHistory } from "../support/moot-history.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Int32Array(1))[0]);
const RUNS = 60;
/** What failed is made smaller for so long; the limit of all tests would end it without a word. */
const SHRINK_MS = 90_000;

/** What happens at a member, in an order of its own. */
interface Step {
  /** How it stands among the others. */
  readonly rank: number;
  readonly via: Exclude<Via, "publish">;
  /** Nothing waits for its end. */
  readonly isOverlapping: boolean;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  rank: fc.nat({ max: 1000 }),
  via: fc.constantFrom("push", "fetch", "pull"),
  isOverlapping: fc.boolean(),
});

/** One member: where it keeps what it has, in which order what comes to it, and when it learns what time it is. */
const anyMember = fc.record({
  driver: fc.oneof(
    { weight: 5, arbitrary: fc.constant("memory" as const) },
    // Each commit waits for the disk.
    { weight: 1, arbitrary: fc.constant("sqlite" as const) },
  ),
  steps: fc.array(anyStep, { minLength: 32, maxLength: 32 }),
  knowsTimeAt: fc.nat({ max: 1000 }),
});
type MemberPlan = typeof anyMember extends fc.Arbitrary<infer T> ? T : never;

const DAY = 86_400_000;
/** After all that is not dated ahead for good. */
const NOW = 1_700_000_000_000 + 30 * DAY;
/** Each has its turn by then, however slow the rates are: one message in an hour, and updates of the founder at once. */
const DAYS_MAX = 40;

/** Rates that hold nobody up, and such that hold up nearly all. */
const SLOW = { message_rate_per_author: "1/h", message_burst_per_author: 1n, byte_rate_per_author: "1KiB/min" };
const QUICK = { message_rate_per_author: "1000/s", message_burst_per_author: 1000n, byte_rate_per_author: "1GiB/s" };
const policyOf = (max_message_bytes: bigint): Policy => {
  return { ...POLICY_PRESETS.standard, ...QUICK, byte_burst_per_author: 2n ** 30n, max_message_bytes };
};
const slow = (max_message_bytes: bigint): Policy => {
  return { ...POLICY_PRESETS.standard, ...SLOW, byte_burst_per_author: 100_000n, max_message_bytes };
};
const anyPolicy = fc.constantFrom(
  undefined,
  policyOf(10n),
  policyOf(8_192n),
  policyOf(100_000n),
  slow(10n),
  slow(100_000n),
);

/** The next turn of the loop, without the milliseconds that a timer takes. */
const soonClock = {
  steady: () => realClock.steady(),
  after(_: number, run: () => void): Disposable {
    const turn = setImmediate(run);
    return { [Symbol.dispose]: () => clearImmediate(turn) };
  },
};

/** A member with the real way in over a real store, and with members around it that have all there is. */
class Member {
  readonly store: GroupStore;
  readonly #history: MootHistory;
  readonly #roster: GroupRoster;
  readonly #ingest: Ingest;
  readonly #policy: GroupPolicy;
  readonly #pass: PolicyPass;
  readonly #clock = new ManualClock(NOW);
  readonly #owed = new Owed({ clock: this.#clock, ask: () => {} });
  readonly #retention: { oldest: bigint | undefined; isTimeGood: boolean } = { oldest: undefined, isTimeGood: false };
  #isPassing = false;
  #underWay: Promise<unknown>[] = [];

  constructor(store: GroupStore, history: MootHistory) {
    this.store = store;
    this.#history = history;
    if (history.policy !== undefined) store.setFact(POLICY_FACT, formatPolicy(history.policy));
    const roster = new GroupRoster(store.roster);
    this.#roster = roster;
    const { messages } = store;
    const unix = () => this.#clock.unix();
    const policy = new GroupPolicy(store, { founder: () => roster.log.founder?.pilot_node_id, unix });
    this.#policy = policy;
    this.#pass = new PolicyPass({ messages, policy, roster, clock: soonClock, onDone: () => this.#passed() });
    this.#ingest = new Ingest({
      groupId: GROUP,
      ...{ messages, roster, policy },
      retention: this.#retention,
      writer: new BatchWriter(soonClock, store.messages, () => {}),
      clock: this.#clock,
      owed: this.#owed,
      onPolicies: () => this.#onPolicies(),
    });
  }

  async live({ steps, knowsTimeAt }: MemberPlan): Promise<void> {
    const { entries, messages } = this.#history;
    // Entries come in their order, each no later than its rank among the steps.
    const ranks = steps.slice(0, entries.length).map(({ rank }) => rank);
    const events = [
      ...ranks.sort((a, b) => a - b).map((rank, at) => ({ rank, isOverlapping: false, run: () => this.#grow(at + 1) })),
      ...messages.map((message, at) => {
        const { via, ...step } = steps[entries.length + at]!;
        return { ...step, run: () => this.#take([message], via) };
      }),
      { rank: knowsTimeAt, isOverlapping: false, run: async () => this.#forget() },
    ];
    for (const { run, isOverlapping } of events.sort((a, b) => a.rank - b.rank)) {
      const running = run();
      if (isOverlapping) this.#underWay.push(running);
      else await running;
    }
    while (this.#underWay.length > 0) await Promise.all(this.#underWay.splice(0));
    await this.#meet();
    this.#forget();
    while (this.store.messages.rejoin((key) => this.#roster.members.has(key), 2) > 0);
  }

  /** Compares with the others, once a day, until there is nothing more to be had from them. */
  async #meet(): Promise<void> {
    for (let days = 0; ; days++) {
      while (this.#isPassing) await new Promise((resolve) => setImmediate(resolve));
      const { messages } = this.store;
      const lacked = this.#history.messages.filter(({ id }) => !messages.knows(id) && !this.#owed.isWaiting(id));
      const stored = await this.#take(lacked, "pull");
      if (stored === 0 && !this.#isPassing && this.#owed.size === 0) return;
      expect(days).toBeLessThan(DAYS_MAX);
      this.#clock.advance(DAY);
    }
  }

  async #grow(length: number): Promise<void> {
    this.#roster.sync(this.#history.entries.slice(0, length));
  }

  /** How many were stored. */
  async #take(messages: readonly Message[], via: Exclude<Via, "publish">): Promise<number> {
    if (messages.length === 0) return 0;
    const from = PublicKey.fromBytes(identity(1).publicKey);
    const { delays, known, stored } = await this.#ingest.accept(messages.map(messageCanonical), via);
    this.#owed.settled([...stored, ...known]);
    for (const delay of delays) this.#owed.note({ ...delay, from });
    return stored.length;
  }

  #onPolicies(): void {
    this.#owed.forget();
    this.#isPassing = true;
    this.#pass.start();
  }

  #passed(): void {
    this.#policy.passed();
    this.#isPassing = false;
  }

  #forget(): void {
    const { oldest } = this.#history;
    this.#retention.oldest = oldest;
    if (oldest !== undefined)
      this.store.messages.pruneBefore(oldest, { topic: POLICY_TOPIC, author_node_id: FOUNDER_ID });
  }
}

/** What all have to end with. */
function expected({ entries, messages, oldest, policy }: MootHistory): Message[] {
  const { log } = RosterLog.empty.sync(entries);
  const policies = PolicyHistory.of(policy, notesOf(messages));
  return messages.filter((message) => {
    const { author, timestamp, topics } = message;
    const isUpdate = isPolicyUpdate({ author: author.pilot_node_id, topics }, FOUNDER_ID);
    const isForgotten = oldest !== undefined && timestamp < oldest && !isUpdate;
    return !isForgotten && whetherKept(factsOf(message, messageForms(message)), log, policies).kept;
  });
}

/** What the founder's updates say, by whoever brought them. */
function notesOf(messages: readonly Message[]): PolicyNote[] {
  return messages.flatMap(({ author, content, id, signature, timestamp, topics, ...message }) => {
    const isUpdate = isPolicyUpdate({ author: author.pilot_node_id, topics }, FOUNDER_ID);
    const isSigned = verifySignature(
      identity(1).publicKey,
      messageForms({ ...message, author, content, id, signature, timestamp, topics }).signing,
      signature,
    );
    if (!isUpdate || !isSigned || content.length < 12) return [];
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

test(`whatever came in which order by which way, all members end with one set and one root (SEED=${SEED})`, async () => {
  using directory = new TemporaryDirectory();
  let databases = 0;
  const openStore = () =>
    SqliteGroupStore.open(join(directory.path, `${databases++}.sqlite`), {
      groupId: GROUP,
      access: "write",
      alone: true,
    });
  await fc.assert(
    fc.asyncProperty(
      anyMootHistory(anyPolicy),
      fc.array(anyMember, { minLength: 3, maxLength: 3 }),
      async (history, plans) => {
        const wanted = [...new Map(expected(history).map((message) => [message.id, message])).values()];
        for (const plan of plans) {
          using store = plan.driver === "sqlite" ? openStore() : new MemoryGroupStore(GROUP);
          await new Member(store, history).live(plan);
          const { messages } = store;
          expect(new Set(messages.placesAfter(undefined, 99).map(({ id }) => id))).toEqual(
            new Set(wanted.map(({ id }) => id)),
          );
          if (wanted.length > 0) expect(messages.merkleRoot()).toBe(rootOf(wanted));
          // Each is in the log once, or apart.
          const logged = messages.arrivedAfter(0, 99).map(({ id }) => id);
          expect([new Set(logged).size, logged.length + messages.apart]).toEqual([logged.length, wanted.length]);
        }
      },
    ),
    { numRuns: RUNS, seed: SEED, interruptAfterTimeLimit: SHRINK_MS, markInterruptAsFailure: true },
  );
});
