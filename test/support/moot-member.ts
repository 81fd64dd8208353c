import { unixMs } from "../../src/core/clock.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { formatPolicy } from "../../src/core/policy/policy.ts";
import { messageCanonical } from "../../src/core/record/message.ts";
import type { Message } from "../../src/core/record/records.ts";
import type { Via } from "../../src/machine/event.ts";
import { Group } from "../../src/node/group/group.ts";
import type { GroupStore } from "../../src/store/group-store.ts";
import { type Fuse, fragileStore } from "./fragile-store.ts";
import { groupParts } from "./group-parts.ts";
import { identity } from "./identity.ts";
import { ManualClock } from "./manual-clock.ts";
import { type MootHistory, START } from "./moot-history.ts";

/** What happens at a member, in an order of its own. */
export interface Step {
  /** How it stands among the others. */
  readonly rank: number;
  readonly via: Exclude<Via, "publish">;
  /** Nothing waits for its end. */
  readonly isOverlapping: boolean;
}

/** One member: in which order what there is comes to it, what its clock shows, and when its process dies. */
export interface MemberPlan {
  readonly steps: readonly Step[];
  /** The rank at which it first hears what time it is. */
  readonly knowsTimeAt: number;
  /** How far its clock is ahead until then, in milliseconds, and the rank at which it is put right. */
  readonly aheadMs: number;
  readonly rightAt: number;
  readonly deaths: readonly { readonly afterWrites: number; readonly isWritten: boolean }[];
}

const DAY = 86_400_000;
/** After all that is not dated ahead for good. */
const NOW = Number(START) + 30 * DAY;
/** Each has its turn by then, however slow the rates are: one message in an hour, and updates of the founder at once. */
export const END = NOW + 60 * DAY;
/** Turns of the event loop in which everything that is to be done piece by piece is done. */
const TURNS = 12;
/** Comparisons that bring nothing more, after which there is nothing more to be had. */
const QUIET = 3;
const NEVER = { left: Number.POSITIVE_INFINITY, isWritten: false, isBurnt: false };

const PEER = PublicKey.fromBytes(identity(1).publicKey);
/** No member: it founds nothing and is in nobody's way. */
const LOCAL = PublicKey.fromBytes(identity(9).publicKey);

/** A member with the real group over a real store, and with members around it that have all there is. */
export class MootMember {
  readonly #store: () => GroupStore;
  readonly #history: MootHistory;
  readonly #clock: ManualClock;
  readonly #deaths: MemberPlan["deaths"][number][];
  #fuse: Fuse = NEVER;
  #group!: Group;
  #knowsTime = false;
  #underWay: Promise<unknown>[] = [];

  /** `store`: opens what is kept, at the start and after each death. */
  constructor(store: () => GroupStore, history: MootHistory, { aheadMs, deaths }: MemberPlan) {
    this.#store = store;
    this.#clock = new ManualClock(NOW + aheadMs);
    this.#history = history;
    this.#deaths = [...deaths];
    this.#start();
  }

  async live({ knowsTimeAt, rightAt, steps }: MemberPlan): Promise<void> {
    const { entries, messages, policy } = this.#history;
    const { lost, heals } = this.#history;
    const rest = [...steps];
    const rank = () => rest.shift()!.rank;
    // Entries of a history come in their order, each no later than its rank among the steps.
    const ranks = entries.map(rank).sort((a, b) => a - b);
    const events = [
      ...ranks.map((rank, at) => ({ rank, run: () => this.#grow(at + 1) })),
      ...lost.map((_, at) => ({ rank: rank(), run: () => this.#fork(at + 1) })),
      ...heals.map((_, at) => ({ rank: rank(), run: () => this.#heal(at + 1) })),
      ...messages.map((message) => {
        const { via, ...step } = rest.shift()!;
        return { ...step, run: () => this.#take([message], via) };
      }),
      ...(policy === undefined ? [] : [{ rank: rank(), run: () => this.#adopt() }]),
      { rank: knowsTimeAt, run: () => this.#hear() },
      { rank: rightAt, run: () => this.#putRight() },
    ];
    for (const { run, ...step } of events.sort((a, b) => a.rank - b.rank)) {
      const running = this.#alive(run);
      if ("isOverlapping" in step && step.isOverlapping) this.#underWay.push(running);
      else await running;
      if (this.#fuse.isBurnt) await this.#restart();
    }
    await Promise.all(this.#underWay.splice(0));
    await this.#meet();
    this.#clock.advance(END - this.#now());
    await this.#meet();
    await this.#group.close();
  }

  /** The group as it is at the end. */
  get group(): Group {
    return this.#group;
  }

  /** Compares with the others, once a day, until there is nothing more to be had from them. */
  async #meet(): Promise<void> {
    for (let [quiet, round] = [0, 0]; quiet < QUIET; round++) {
      const { messages } = this.#group.store;
      const before = messages.size;
      await this.#alive(async () => {
        await this.#grow(this.#history.entries.length);
        await this.#fork(this.#history.lost.length);
        await this.#heal(this.#history.heals.length);
        await this.#adopt();
        await this.#hear();
      });
      const lacked = this.#history.messages.filter(({ id }) => !messages.knows(id));
      // Of two copies of one message in a batch the first is looked at, and only one of them may be signed.
      if (round % 2 === 1) lacked.reverse();
      await this.#alive(() => this.#take(lacked, "pull"));
      await turns();
      if (this.#fuse.isBurnt) await this.#restart();
      quiet = messages.size === before && this.#group.owed === 0 ? quiet + 1 : 0;
      this.#clock.advance(Math.min(DAY, END - this.#now()));
    }
  }

  #start(): void {
    const death = this.#deaths.shift();
    this.#fuse = death === undefined ? NEVER : { left: death.afterWrites, isWritten: death.isWritten, isBurnt: false };
    const store = fragileStore(this.#store(), this.#fuse);
    const parts = groupParts({ store, local: LOCAL, clock: this.#clock });
    this.#group = new Group({ ...parts, carryOut: { run: () => {} } });
    if (this.#group.roster.length > 0) this.#group.start();
    if (this.#knowsTime) void this.#alive(() => this.#hear());
  }

  async #restart(): Promise<void> {
    await Promise.all(this.#underWay.splice(0));
    await this.#group.close();
    this.#start();
    await turns();
    if (this.#fuse.isBurnt) await this.#restart();
  }

  /** What a process that died was about to do is not done. */
  async #alive(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(this.#fuse.isBurnt && error instanceof EntmootError)) throw error;
    }
  }

  async #grow(length: number): Promise<void> {
    const isFirst = this.#group.roster.length === 0;
    this.#group.acceptRoster(this.#history.entries.slice(0, length), PEER);
    if (isFirst) this.#group.start();
  }

  async #fork(length: number): Promise<void> {
    if (length > 0) this.#group.acceptForks(this.#history.lost.slice(0, length), [], PEER);
  }

  async #heal(length: number): Promise<void> {
    if (length > 0) this.#group.acceptForks([], this.#history.heals.slice(0, length), PEER);
  }

  async #adopt(): Promise<void> {
    const { isFoundedWith, policy } = this.#history;
    if (policy !== undefined && !isFoundedWith && this.#group.policy.adopt(formatPolicy(policy)))
      this.#group.policiesChanged();
  }

  /** What time it is. */
  #now(): number {
    return NOW + this.#clock.steady();
  }

  async #putRight(): Promise<void> {
    this.#clock.setUnix(this.#now());
  }

  async #hear(): Promise<void> {
    this.#knowsTime = true;
    const { retention, roster } = this.#group;
    for (const peer of roster.members.keys()) retention.hear(peer, unixMs(this.#now()));
    this.#group.tell({ kind: "timer", timer: "compare" });
  }

  async #take(messages: readonly Message[], via: Exclude<Via, "publish">): Promise<void> {
    if (messages.length > 0) await this.#group.ingest(messages.map(messageCanonical), { from: PEER, via });
  }
}

/** Lets everything run that waits for no time to pass. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
}
