import { expect, test } from "bun:test";
import { MessageId, PublicKey } from "../../../src/core/ids.ts";
import { type Delay, Owed } from "../../../src/node/group/owed.ts";
import { identity } from "../../support/identity.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const [ALICE, BOB] = [2, 3].map((n) => PublicKey.fromBytes(identity(n).publicKey)) as [PublicKey, PublicKey];
const id = (n: number) => MessageId.fromHex(n.toString(16).padStart(64, "0"));
const delay = (n: number, change: Partial<Delay> = {}): Delay => {
  return { id: id(n), author: 7, from: ALICE, waitMs: 10_000, takesMs: 10_000, ...change };
};

function world() {
  const clock = new ManualClock();
  const asked: [PublicKey, readonly MessageId[]][] = [];
  const owed = new Owed({ clock, ask: (from, ids) => void asked.push([from, ids]) });
  return { clock, owed, asked };
}

test("each has its turn at the pace of its author's rates, and is asked of whoever brought it", () => {
  const { clock, owed, asked } = world();
  for (const n of [1, 2, 3]) owed.note(delay(n));
  owed.note(delay(4, { author: 8, from: BOB }));
  expect([1, 2, 3, 4].map((n) => owed.isWaiting(id(n)))).toEqual([true, true, true, true]);
  clock.advance(10_000);
  expect(asked).toEqual([
    [ALICE, [id(1)]],
    [BOB, [id(4)]],
  ]);
  clock.advance(9_999);
  expect(asked).toHaveLength(2);
  clock.advance(10_001);
  expect(asked.slice(2).flatMap(([, ids]) => ids)).toEqual([id(2), id(3)]);
  expect([owed.size, clock.waiting]).toEqual([0, 0]);
});

test("what came meanwhile is asked for no more", () => {
  const { clock, owed, asked } = world();
  for (const n of [1, 2]) owed.note(delay(n));
  owed.settled([id(1)]);
  clock.advance(20_000);
  expect(asked).toEqual([[ALICE, [id(2)]]]);
});

test("one that is due sooner than the others is not kept waiting for them", () => {
  const { clock, owed, asked } = world();
  owed.note(delay(1, { waitMs: 3_600_000 }));
  owed.note(delay(2, { author: 8, waitMs: 5_000 }));
  clock.advance(5_000);
  expect(asked).toEqual([[ALICE, [id(2)]]]);
});

test("one author fills a quarter of what is remembered, and all of them no more than that, in fair parts", () => {
  const { owed } = world();
  let noted = 0;
  for (let n = 1; n <= 5_000; n++) if (owed.note(delay(n))) noted += 1;
  expect(noted).toBe(4_096);
  for (const author of [8, 9, 10]) for (let n = 1; n <= 4_096; n++) owed.note(delay(author * 10_000 + n, { author }));
  expect(owed.size).toBe(16_384);
  // Who comes last has as much room as each of them has then.
  let late = 0;
  for (let n = 1; n <= 4_096; n++) if (owed.note(delay(990_000 + n, { author: 99 }))) late += 1;
  expect([late, owed.size]).toEqual([Math.floor(16_384 / 5), 16_384]);
  owed.forget();
  expect(owed.size).toBe(0);
});
