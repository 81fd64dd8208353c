import type { MessageId } from "../ids.ts";
import type { Policy } from "./policy.ts";

/** A policy and the date of the first message it is for. */
interface PolicyStep {
  /** Unix milliseconds. */
  readonly from: bigint;
  /** `undefined`: everything is allowed from then on. */
  readonly policy: Policy | undefined;
}

/** What one message of the founder says of the policy. */
export interface PolicyNote extends PolicyStep {
  readonly id: MessageId;
  readonly sequence: bigint;
}

/**
 * Which policy was in force at which date: a message is held to the one of its own date, whenever it comes. A value.
 */
export class PolicyHistory {
  readonly #always: Policy | undefined;
  /** Ascending. */
  readonly #steps: readonly PolicyStep[];

  /** `always`: the policy of all dates before the first of `steps`, which ascend. */
  constructor(always: Policy | undefined, steps: readonly PolicyStep[] = []) {
    this.#always = always;
    this.#steps = steps;
  }

  /**
   * At each date that update counts which has the greatest sequence of those dated no later; of equal ones the later, then
   * the one with the greater id. In whatever order they are given, the history is the same.
   */
  static of(always: Policy | undefined, notes: readonly PolicyNote[]): PolicyHistory {
    return new PolicyHistory(always, countingNotes(notes));
  }

  /** The one in force at `date` (Unix milliseconds); `undefined`: none. */
  at(date: bigint): Policy | undefined {
    const step = this.#steps.findLast(({ from }) => from <= date);
    return step === undefined ? this.#always : step.policy;
  }

  /** Bytes of content that a message dated `at` (Unix milliseconds) may have; `undefined`: any number. */
  maxContentBytes(at: bigint): bigint | undefined {
    return this.at(at)?.max_message_bytes;
  }

  /** Bytes of content that every policy of it allows; `undefined`: any number. */
  get leastContentBytes(): bigint | undefined {
    const policies = [this.#always, ...this.#steps.map(({ policy }) => policy)];
    const limits = policies.flatMap((policy) => (policy === undefined ? [] : [policy.max_message_bytes]));
    return limits.length === 0 ? undefined : limits.reduce((least, limit) => (limit < least ? limit : least));
  }
}

/** Those that count at some date, each from its own date on, ascending. */
export function countingNotes(notes: readonly PolicyNote[]): PolicyNote[] {
  const counting: PolicyNote[] = [];
  for (const note of [...notes].sort(byDate)) {
    const before = counting.at(-1);
    if (before === undefined || note.sequence >= before.sequence) counting.push(note);
  }
  return counting;
}

/** Negative when `a` comes before `b`: by date, then id. */
export function byDate(a: Pick<PolicyNote, "from" | "id">, b: Pick<PolicyNote, "from" | "id">): number {
  if (a.from !== b.from) return a.from < b.from ? -1 : 1;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
