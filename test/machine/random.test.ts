import { expect, test } from "bun:test";
import { SeededRandom } from "../../src/machine/random.ts";

test("one seed gives one stream, other seeds others", () => {
  const draw = (seed: number): number[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 100 }, () => random.next());
  };
  expect(draw(7)).toEqual(draw(7));
  expect(draw(7)).not.toEqual(draw(8));
  expect(draw(7).every((value) => value >= 0 && value < 1)).toBe(true);
});

test("draws are near uniform, and bounds hold", () => {
  const random = new SeededRandom(1);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[random.between(0, 10)]! += 1;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  expect(random.between(5, 5)).toBe(5);
  expect(random.pick([])).toBeUndefined();
  expect(random.chance(0)).toBe(false);
  expect(random.chance(1)).toBe(true);
});
