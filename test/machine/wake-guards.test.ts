import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { GroupId, PublicKey } from "../../src/core/ids.ts";
import { WAKE_DEFAULTS, WakeGuards, type Waking } from "../../src/machine/wake-guards.ts";

const GROUPS = [1, 2].map((n) => GroupId.fromBytes(new Uint8Array(32).fill(n)));
const AUTHORS = [3, 4, 5, 6].map((n) => PublicKey.fromBytes(new Uint8Array(32).fill(n)));
const FIRST: Waking = { groupId: GROUPS[0]!, author: AUTHORS[0]!, hop: 1, ownInChain: 0 };
const START = 1_780_000_000_000;

test("six hops wake, a seventh does not, and no time changes that", () => {
  const guards = new WakeGuards();
  expect(guards.held({ ...FIRST, hop: 6 }, START, 0)).toBeUndefined();
  expect(guards.held({ ...FIRST, hop: 7 }, START, 0)).toEqual({ reason: "hops", untilMs: undefined });
});

test("a chain that came by this agent's words a fourth time stops", () => {
  const guards = new WakeGuards();
  expect(guards.held({ ...FIRST, ownInChain: 3 }, START, 0)).toBeUndefined();
  expect(guards.held({ ...FIRST, ownInChain: 4 }, START, 0)).toEqual({ reason: "cycle", untilMs: undefined });
});

test("one author causes ten turns a minute in one moot; others, and it elsewhere, are not held up", () => {
  const guards = new WakeGuards();
  for (let n = 0; n < 10; n++) {
    expect(guards.held(FIRST, START + n * 1_000, 0)).toBeUndefined();
    guards.began([FIRST], START + n * 1_000);
  }
  expect(guards.held(FIRST, START + 10_000, 0)).toEqual({ reason: "pair rate", untilMs: START + 60_000 });
  expect(guards.held({ ...FIRST, author: AUTHORS[1] }, START + 10_000, 0)).toBeUndefined();
  expect(guards.held({ ...FIRST, groupId: GROUPS[1]! }, START + 10_000, 0)).toBeUndefined();
  expect(guards.held(FIRST, START + 60_000, 0)).toBeUndefined();
});

test("all together cause thirty turns an hour, and messages of one turn count once", () => {
  const guards = new WakeGuards();
  for (let n = 0; n < 30; n++) {
    guards.began(
      AUTHORS.map((author) => ({ groupId: GROUPS[n % 2]!, author })),
      START + n * 60_000,
    );
  }
  expect(guards.held(FIRST, START + 30 * 60_000, 0)).toEqual({ reason: "agent rate", untilMs: START + 3_600_000 });
  const fifth = { ...FIRST, author: PublicKey.fromBytes(new Uint8Array(32).fill(9)) };
  expect(guards.held(fifth, START + 30 * 60_000, 0)).toEqual({ reason: "agent rate", untilMs: START + 3_600_000 });
  expect(guards.held(fifth, START + 3_600_000, 0)).toBeUndefined();
});

test("who causes turn after turn leaves some of the hour to others, and they to it", () => {
  const guards = new WakeGuards();
  const OTHER = { ...FIRST, author: AUTHORS[1] };
  for (let n = 1; n <= 24; n++) guards.began([FIRST], START + n * 10_000);
  const now = START + 300_000;
  expect(guards.held(FIRST, now, 0)).toEqual({ reason: "agent rate", untilMs: START + 10_000 + 3_600_000 });
  for (let n = 0; n < 6; n++) {
    expect(guards.held(OTHER, now, 0)).toBeUndefined();
    guards.began([OTHER], now);
  }
  expect(guards.held(OTHER, now, 0)).toMatchObject({ reason: "agent rate" });
  expect(guards.held({ ...FIRST, author: AUTHORS[2] }, now, 0)).toMatchObject({ reason: "agent rate" });
  expect(guards.held(FIRST, START + 3_600_000 + 70_000, 0)).toBeUndefined();
});

test("quiet hours hold until they end, also over midnight, and a window without length is none", () => {
  const guards = new WakeGuards({ ...WAKE_DEFAULTS, quiet: [{ fromMinute: 22 * 60, toMinute: 7 * 60 }] });
  expect(guards.held(FIRST, START, 23 * 60)).toEqual({ reason: "quiet hours", untilMs: START + 8 * 3_600_000 });
  expect(guards.held(FIRST, START, 6 * 60 + 59)).toEqual({ reason: "quiet hours", untilMs: START + 60_000 });
  expect(guards.held(FIRST, START, 7 * 60)).toBeUndefined();
  expect(guards.held(FIRST, START, 21 * 60 + 59)).toBeUndefined();
  guards.limits = { ...WAKE_DEFAULTS, quiet: [{ fromMinute: 60, toMinute: 60 }] };
  expect(guards.held(FIRST, START, 60)).toBeUndefined();
});

test("a clock that is set back holds up nothing for longer than a window", () => {
  const guards = new WakeGuards();
  for (let n = 0; n < 30; n++) guards.began([FIRST], START);
  const backMs = START - 30 * 24 * 3_600_000;
  expect(guards.held(FIRST, backMs, 0)).toBeUndefined();
});

test("whatever comes when, no minute has more than ten turns of a pair, no hour more than thirty of all", () => {
  const wait = fc.integer({ min: 0, max: 20_000 });
  const step = fc.record({ wait, group: fc.constantFrom(...GROUPS), author: fc.constantFrom(...AUTHORS) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const guards = new WakeGuards();
      const turns: { at: number; pair: string }[] = [];
      let now = START;
      for (const { author, group, wait } of steps) {
        now += wait;
        const held = guards.held({ ...FIRST, groupId: group, author }, now, 0);
        if (held !== undefined) {
          expect(held.untilMs).toBeGreaterThan(now);
          continue;
        }
        guards.began([{ groupId: group, author }], now);
        turns.push({ at: now, pair: group + author });
      }
      for (const { at, pair } of turns) {
        const since = (ms: number) => turns.filter((turn) => turn.at > at - ms && turn.at <= at);
        expect(since(60_000).filter((turn) => turn.pair === pair).length).toBeLessThanOrEqual(10);
        expect(since(3_600_000).length).toBeLessThanOrEqual(30);
      }
    }),
  );
});
