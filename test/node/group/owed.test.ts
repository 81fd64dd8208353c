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

test("one author fills a quarter of what is remembered, and all of them no more than that", () => {
  const { owed } = world();
  let noted = 0;
  for (let n = 1; n <= 5_000; n++) if (owed.note(delay(n))) noted += 1;
  expect(noted).toBe(4_096);
  for (let n = 5_001; n <= 25_000; n++) if (owed.note(delay(n, { author: n }))) noted += 1;
  expect([noted, owed.size]).toEqual([16_384, 16_384]);
  owed.forget();
  expect(owed.size).toBe(0);
});
