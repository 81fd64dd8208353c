import type { Policy } from "./policy.ts";

/** A policy and the date of the first message it is for. */
interface PolicyStep {
  /** Unix milliseconds. */
  readonly from: bigint;
  /** `undefined`: everything is allowed from then on. */
  readonly policy: Policy | undefined;
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

  /** Bytes of content that a message dated `at` (Unix milliseconds) may have; `undefined`: any number. */
  maxContentBytes(at: bigint): bigint | undefined {
    const step = this.#steps.findLast(({ from }) => from <= at);
    return (step === undefined ? this.#always : step.policy)?.max_message_bytes;
  }
}
