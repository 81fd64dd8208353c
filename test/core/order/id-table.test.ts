import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sha256 } from "../../../src/core/bytes/sha256.ts";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { IdTable, NO_SLOT } from "../../../src/core/order/id-table.ts";
import { MissingParents } from "../../../src/core/order/missing-parents.ts";

const idOf = (n: number) => sha256(encodeUtf8(`id-table/${n}`));

/** Ids that differ in one byte only, so that comparing a prefix is not enough. */
const close = (n: number) => new Uint8Array(32).fill(7).with(31, n);

describe("an id table", () => {
  test("finds what was added and nothing else, like a map, whatever seed and kind of id", () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.boolean(),
        fc.array(fc.nat({ max: 255 }), { maxLength: 300 }),
        (seed, near, numbers) => {
          const table = new IdTable(seed);
          const map = new Map<number, number>();
          const id = near ? close : idOf;
          for (const n of numbers) {
            expect(table.find(id(n))).toBe(map.get(n) ?? NO_SLOT);
            if (!map.has(n)) map.set(n, table.add(id(n)));
          }
          expect(table.size).toBe(map.size);
          for (const [n, slot] of map) expect(table.view(slot)).toEqual(id(n));
        },
      ),
    );
  });

  test("finds what is left after removals, in an index that is nearly full", () => {
    const ops = fc.array(fc.record({ n: fc.nat({ max: 60 }), add: fc.boolean() }), { maxLength: 300 });
    fc.assert(
      fc.property(fc.integer(), ops, (seed, steps) => {
        const table = new IdTable(seed);
        const map = new Map<number, number>();
        for (const { n, add } of steps) {
          const slot = map.get(n);
          if (add && slot === undefined) map.set(n, table.add(idOf(n)));
          if (!add && slot !== undefined) {
            table.remove(slot);
            map.delete(n);
          }
          for (let id = 0; id <= 60; id += 7) expect(table.find(idOf(id))).toBe(map.get(id) ?? NO_SLOT);
        }
        for (let id = 0; id <= 60; id++) expect(table.find(idOf(id))).toBe(map.get(id) ?? NO_SLOT);
      }),
    );
  });

  test("reads ids anywhere in a longer array", () => {
    const table = new IdTable(1);
    const joined = Uint8Array.of(...new Uint8Array(5), ...idOf(1), ...idOf(2));
    expect(table.add(joined, 37)).toBe(0);
    expect(table.find(joined, 37)).toBe(0);
    expect(table.find(idOf(2))).toBe(0);
    expect(table.find(joined, 5)).toBe(NO_SLOT);
  });

  test("compares as bytes do", () => {
    const table = new IdTable(1);
    for (let n = 0; n < 20; n++) table.add(idOf(n));
    for (let a = 0; a < 20; a++) {
      for (let b = 0; b < 20; b++) {
        expect(Math.sign(table.compare(a, b))).toBe(Math.sign(Buffer.compare(idOf(a), idOf(b))));
      }
    }
  });
});

describe("missing parents", () => {
  test("give back each waiting edge once, however many ids came and went", () => {
    const step = fc.record({ id: fc.nat({ max: 40 }), take: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const missing = new MissingParents(3);
        const model = new Map<number, number[]>();
        for (const [edge, { id, take }] of steps.entries()) {
          if (take) {
            const found: number[] = [];
            expect(missing.settle(idOf(id), (e, child) => found.push(e + child))).toBe(model.has(id));
            expect(found.toSorted()).toEqual((model.get(id) ?? []).toSorted());
            model.delete(id);
          } else {
            missing.wait(idOf(id), 0, { edge, child: 1000 });
            model.set(id, [...(model.get(id) ?? []), edge + 1000]);
          }
        }
        let waiting = 0;
        missing.each((parent, { edge }) => {
          waiting++;
          expect(
            [...model].some(([id, edges]) => edges.includes(edge + 1000) && idOf(id).toHex() === parent.toHex()),
          ).toBe(true);
        });
        expect(waiting).toBe([...model.values()].flat().length);
      }),
    );
  });

  test("forget the ids that came, so that they do not pile up", () => {
    const missing = new MissingParents(3);
    for (let n = 0; n < 50_000; n++) {
      missing.wait(idOf(n), 0, { edge: n, child: n });
      expect(missing.settle(idOf(n), () => {})).toBe(true);
    }
    expect(missing.byteLength).toBeLessThan(400_000);
  });
});
