import { expect, test } from "bun:test";
import { PublicKey } from "../../../src/core/ids.ts";
import { Reconnector } from "../../../src/node/carrier/reconnector.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { ALICE } from "../../support/raw-member.ts";

const alice = PublicKey.fromBytes(ALICE.publicKey);

/** When a peer is dialled that is there `staysMs` after each dial, from `fromMs` on. */
async function dialled(staysMs: number, forMs: number, fromMs = 0): Promise<readonly number[]> {
  const clock = new ManualClock();
  const start = clock.steady();
  const dials: number[] = [];
  let isThere = false;
  const lose = () => {
    isThere = false;
    reconnector.lost(alice);
  };
  const reconnector = new Reconnector({
    clock,
    isWanted: () => true,
    isConnected: () => isThere,
    waitMs: () => (clock.steady() - start < fromMs ? 1_000 : 0),
    random: () => 0.5,
    connect: async () => {
      dials.push(clock.steady() - start);
      if (clock.steady() - start < fromMs) throw new Error("not there");
      isThere = true;
      clock.after(staysMs, lose);
    },
  });
  reconnector.lost(alice);
  for (let ms = 0; ms < forMs; ms += 25) {
    clock.advance(25);
    await Promise.resolve();
    await new Promise(setImmediate);
  }
  reconnector.close();
  return dials;
}

test("a member that is lost as soon as it is met is dialled later each time", async () => {
  const dials = await dialled(10, 120_000);
  // At once, at once, at once, after 1 s, 2 s, 4 s, 8 s, 16 s, 32 s.
  expect(dials.length).toBe(9);
  expect(dials[2]).toBeLessThan(1_000);
});

test("a member that stays for a minute is dialled at once each time", async () => {
  expect((await dialled(61_000, 305_000)).length).toBe(5);
});

test("one that could not be reached for long, and stays then, is dialled at once when it is lost", async () => {
  const dials = await dialled(61_000, 130_000, 60_000);
  const there = dials.filter((at) => at >= 60_000);
  expect(there.length).toBe(2);
  expect(there[1]! - there[0]!).toBeLessThan(61_500);
});
