import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { BoundedMap } from "../../src/core/bounded-map.ts";

describe("a bounded map", () => {
  test("past its maximum forgets what was set longest ago, and says what", () => {
    const map = new BoundedMap<string, number>(2);
    expect(map.set("a", 1)).toBeUndefined();
    expect(map.set("b", 2)).toBeUndefined();
    expect(map.get("a")).toBe(1);
    expect(map.set("a", 3)).toBeUndefined();
    expect(map.set("c", 4)).toEqual(["b", 2]);
    expect([...map]).toEqual([
      ["a", 3],
      ["c", 4],
    ]);
    map.clear();
    expect(map.size).toBe(0);
  });

  test("holds what a list of the latest holds, whatever is set, asked and taken out", () => {
    const step = fc.record({ op: fc.constantFrom("set", "set", "set", "get", "delete"), key: fc.nat({ max: 9 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 80 }), (max, steps) => {
        const map = new BoundedMap<number, number>(max);
        let model: [number, number][] = [];
        for (const [value, { op, key }] of steps.entries()) {
          const held = model.find(([known]) => known === key);
          if (op === "get") expect(map.get(key)).toBe(held?.[1]);
          else {
            model = model.filter((entry) => entry !== held);
            if (op === "delete") expect(map.delete(key)).toBe(held !== undefined);
            else {
              model.push([key, value]);
              expect(map.set(key, value)).toEqual(model.length > max ? model.shift() : undefined);
            }
          }
          expect(map.has(key)).toBe(model.some(([known]) => known === key));
          expect(map.size).toBe(model.length);
          expect([...map]).toEqual(model);
        }
      }),
    );
  });
});
