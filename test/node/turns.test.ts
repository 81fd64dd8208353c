import { expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { Turns } from "../../src/node/turns.ts";

/** Work that takes `ms` each time, and in which rounds of the event loop each piece was done. */
async function roundsOf(pieces: number, ms: number): Promise<number[]> {
  let now = 0;
  let round = 0;
  let done = false;
  const count = () => {
    round += 1;
    if (!done) setImmediate(count);
  };
  const turns = new Turns({ ...realClock, steady: () => steadyMs(now) });
  setImmediate(count);
  const rounds: number[] = [];
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: pieces }, async (_, piece) => {
      await turns.take();
      now += ms;
      rounds.push(round);
      order.push(piece);
    }),
  );
  done = true;
  expect(order).toEqual(Array.from({ length: pieces }, (_, piece) => piece));
  return rounds;
}

test("short work goes on at once, and long work has a round of the event loop for each piece, in order", async () => {
  expect(new Set(await roundsOf(100, 0)).size).toBe(1);
  const rounds = await roundsOf(10, 50);
  expect(new Set(rounds).size).toBe(rounds.length);
});
