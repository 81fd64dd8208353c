import { expect, test } from "bun:test";
import fc from "fast-check";
import { MessageId } from "../../../src/core/ids.ts";
import { AheadList, LatestAhead, mergeByTime } from "../../../src/node/read/ahead.ts";
import type { Moot } from "../../../src/node/read/moots.ts";

/** The messages of one moot, by the time that views have; ids are made up. */
let made = 0;
function listOf(times: readonly number[]): AheadList {
  const messages = times.map((time) => {
    made += 1;
    return {
      id: MessageId.fromBytes(new Uint8Array(new BigUint64Array(4).fill(BigInt(made)).buffer)),
      timestamp: BigInt(time),
    };
  });
  return AheadList.of({} as Moot, messages);
}

const turns = { take: async () => {} };
const times = fc.array(fc.nat(9), { maxLength: 12 });

test("of several moots no more are held than are told, and those are the latest of all", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(times, { maxLength: 6 }), fc.integer({ min: 1, max: 20 }), async (moots, last) => {
      const lists = moots.map(listOf);
      const latest = new LatestAhead(last, turns);
      for (const list of lists) {
        await latest.add(list);
        expect(latest.length).toBeLessThanOrEqual(last);
      }
      const ids = (runs: readonly AheadList[]) => [...mergeByTime(runs)].map(({ id }) => id);
      expect(ids(latest.lists)).toEqual(ids(lists).slice(-last));
    }),
  );
});
