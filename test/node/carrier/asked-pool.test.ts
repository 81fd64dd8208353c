import { expect, test } from "bun:test";
import type { PublicKey } from "../../../src/core/ids.ts";
import type { HeldBytes } from "../../../src/node/carrier/peer-budget.ts";
import { node } from "../../machine/group.ts";
import { budgetOf } from "../../support/budget.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MIB = 1024 * 1024;
const TICK_MS = 10;
const TICKS = 400;
/** What the honest source sends in a tick on each of its streams: 50 MiB a second on all. */
const HONEST_BYTES = MIB / 8;
/** As a pull asks: one batch until some of it is here, then four; and of what is small first. */
const STREAMS = 4;

interface Manner {
  readonly hold: (onLost: () => void) => HeldBytes;
  /** How much comes next on a stream that holds so many bytes. */
  readonly bytes: (held: number) => number;
  readonly wholeBytes: (answers: number) => number;
  readonly onWhole?: (bytes: number) => void;
}

/** Answers of one peer on several streams: each that is whole or lost is followed by another. */
class Source {
  whole = 0;
  readonly #manner: Manner;
  readonly #streams: { held: HeldBytes | undefined }[] = [];

  constructor(manner: Manner) {
    this.#manner = manner;
  }

  come(streams: number): void {
    while (this.#streams.length < streams) this.#streams.push({ held: undefined });
    const { bytes, hold, onWhole, wholeBytes } = this.#manner;
    for (const stream of this.#streams) {
      stream.held ??= hold(() => {
        stream.held = undefined;
      });
      const whole = wholeBytes(this.whole);
      const next = Math.min(whole, stream.held.bytes + bytes(stream.held.bytes));
      const hasRoom = stream.held.tryResize(next);
      if (hasRoom && next < whole) continue;
      stream.held?.[Symbol.dispose]();
      stream.held = undefined;
      if (!hasRoom) continue;
      this.whole += 1;
      onWhole?.(next);
    }
  }
}

/**
 * How many answers of an honest source are whole beside so many colluders, whose answers come as `bytes` says and never end,
 * and of whom each has brought `earned` bytes of messages before.
 */
function answersBeside(colluders: number, bytes: Manner["bytes"], earned = 0): number {
  const clock = new ManualClock();
  const budget = budgetOf(clock);
  const hold = (peer: PublicKey) => (onLost: () => void) => budget.asked(peer, onLost);
  const honest = new Source({
    hold: hold(node(1)),
    bytes: () => HONEST_BYTES,
    wholeBytes: (answers) => (answers === 0 ? MIB / 4 : MIB),
    onWhole: (came) => budget.delivered(node(1), came),
  });
  const endless = { bytes, wholeBytes: () => Number.POSITIVE_INFINITY };
  const all = Array.from({ length: colluders }, (_, n) => new Source({ ...endless, hold: hold(node(2 + n)) }));
  for (let n = 0; n < colluders; n += 1) if (earned > 0) budget.delivered(node(2 + n), earned);
  for (let tick = 0; tick < TICKS; tick += 1) {
    for (const source of all) source.come(STREAMS);
    honest.come(honest.whole === 0 ? 1 : STREAMS);
    clock.advance(TICK_MS);
  }
  return honest.whole;
}

const TRICKLED = 64;
const MANNERS: Readonly<Record<string, (held: number) => number>> = {
  "trickle from the beginning": () => 8 * 1024,
  "send a MiB at once and trickle from there on": (held) => (held < MIB ? MIB : TRICKLED),
  "send what is less than an equal part, and trickle": (held) => (held < 200 * 1024 ? 200 * 1024 : TRICKLED),
};

for (const [manner, bytes] of Object.entries(MANNERS)) {
  test(`what an honest source answers is as much beside colluders that ${manner} as alone, by half`, () => {
    const alone = answersBeside(0, bytes);
    expect(alone).toBeGreaterThan(TICKS / 3);
    const parts = [1, 6, 13, 30, 64].map((colluders) => answersBeside(colluders, bytes) / alone);
    expect(Math.min(...parts)).toBeGreaterThan(0.5);
  });
}

for (const [manner, bytes] of Object.entries(MANNERS)) {
  test(`also beside colluders that brought a little before, and ${manner}`, () => {
    const alone = answersBeside(0, bytes);
    const parts = [6, 13, 30, 64].map((colluders) => answersBeside(colluders, bytes, 8 * 1024) / alone);
    expect(Math.min(...parts)).toBeGreaterThan(0.5);
  });
}

test("what members send unasked takes nothing of what is there for what they are asked", () => {
  const clock = new ManualClock();
  const budget = budgetOf(clock);
  const dropped: number[] = [];
  for (let n = 0; n < 13; n += 1) budget.incoming(node(2 + n), true, () => dropped.push(n)).tryResize(1.8 * MIB);
  for (let n = 0; n < 4; n += 1) expect(budget.asked(node(1), () => dropped.push(-1)).tryResize(1.4 * MIB)).toBeTrue();
  expect(dropped).toEqual([]);
});
