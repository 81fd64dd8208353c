import { beforeEach, expect, test } from "bun:test";
import { EntmootError } from "../../../src/core/errors.ts";
import { MerkleRoot } from "../../../src/core/ids.ts";
import type { CopyPart } from "../../../src/core/order/copy-part.ts";
import { SharedParts, STEP_MESSAGES } from "../../../src/node/group/shared-parts.ts";
import { node } from "../../machine/group.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const DAY = 86_400_000;
const [alice, bob] = [node(1), node(2)];
const STEPS = 10;
const WHOLE: CopyPart = { root: MerkleRoot.zero, count: STEPS * STEP_MESSAGES };
const STEP_MS = 5;

/** A store that reads as many messages of a part as it is told, and needs some time for it. */
class SlowMessages {
  readonly clock: ManualClock;
  /** Messages read of each part, by the time it begins. */
  readonly read = new Map<bigint, number>();
  /** Of each step that read something, how many it was allowed. */
  readonly steps: number[] = [];
  /** Begins anew at every step. */
  isRestless = false;
  failure: EntmootError | undefined;

  constructor(clock: ManualClock) {
    this.clock = clock;
  }

  get size(): number {
    return WHOLE.count;
  }

  sharedSince(since: bigint, limit: number): CopyPart | undefined {
    if (limit > 0) {
      if (this.failure !== undefined) throw this.failure;
      this.steps.push(limit);
      this.clock.advance(STEP_MS);
      this.read.set(since, (this.isRestless ? 0 : (this.read.get(since) ?? 0)) + limit);
    }
    return (this.read.get(since) ?? 0) >= WHOLE.count ? WHOLE : undefined;
  }
}

let clock: ManualClock;
let messages: SlowMessages;
let parts: SharedParts;

beforeEach(() => {
  clock = new ManualClock();
  messages = new SlowMessages(clock);
  parts = new SharedParts(messages, clock);
});

/** Lets that many turns of the event loop go by. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((resolve) => clock.after(0, () => resolve(undefined)));
}

test("a pass reads so many messages a turn, however many there are, and the part is there after the last", async () => {
  expect(parts.own(DAY)).toBeUndefined();
  expect(messages.steps).toEqual([STEP_MESSAGES]);
  // Asking again while it goes on makes no step more.
  expect(parts.own(DAY)).toBeUndefined();
  expect(messages.steps).toHaveLength(1);
  await turns(STEPS / 2);
  expect(messages.steps.length).toBeLessThan(STEPS);
  await turns(STEPS);
  expect(messages.steps).toEqual(Array.from({ length: STEPS }, () => STEP_MESSAGES));
  expect(parts.own(DAY)).toEqual(WHOLE);
  expect(messages.steps).toHaveLength(STEPS);
});

test("of days that members name one is followed at a time, and none before 50 times as long has passed as its steps took", async () => {
  expect(parts.named(DAY, alice)).toBeUndefined();
  expect(parts.named(2 * DAY, bob)).toBeUndefined();
  await turns(2 * STEPS);
  expect(parts.named(DAY, alice)).toEqual(WHOLE);
  expect(parts.named(2 * DAY, bob)).toBeUndefined();
  clock.advance(STEPS * STEP_MS * 50 - 1);
  parts.named(2 * DAY, bob);
  expect(messages.steps).toHaveLength(STEPS);
  clock.advance(1);
  parts.named(2 * DAY, bob);
  await turns(2 * STEPS);
  expect(parts.named(2 * DAY, bob)).toEqual(WHOLE);
});

test("of our own the latest two are made, however often the day moves", async () => {
  for (let day = 1; day <= 5; day++) parts.own(day * DAY);
  await turns(4 * STEPS);
  expect([1, 2, 3, 4, 5].map((day) => messages.read.get(BigInt(day * DAY)))).toEqual([
    STEP_MESSAGES,
    STEP_MESSAGES,
    STEP_MESSAGES,
    WHOLE.count,
    WHOLE.count,
  ]);
});

test("a pass that begins anew all the time is given up", async () => {
  messages.isRestless = true;
  parts.own(DAY);
  await turns(10 * STEPS);
  const { length } = messages.steps;
  expect(length).toBeLessThanOrEqual(2 * STEPS + 2);
  await turns(10 * STEPS);
  expect(messages.steps).toHaveLength(length);
});

test("what cannot be read ends the pass, and whoever asks next is told", async () => {
  parts.own(DAY);
  messages.failure = new EntmootError("unavailable", "held by another");
  await turns(5);
  expect(messages.steps).toHaveLength(1);
  expect(() => parts.own(DAY)).toThrow("held by another");
  messages.failure = undefined;
  parts.own(DAY);
  await turns(2 * STEPS);
  expect(parts.own(DAY)).toEqual(WHOLE);
});

test("after the end nothing is read any more", async () => {
  parts.own(DAY);
  parts.close();
  await turns(STEPS);
  expect(parts.own(2 * DAY)).toBeUndefined();
  expect(messages.steps).toHaveLength(1);
});
