import { expect, test } from "bun:test";
import fc from "fast-check";
import { layOut } from "../../../src/cli/talk/layout.ts";
import { boundaryLeft } from "../../../src/cli/talk/text-steps.ts";

test("a line is wrapped before the last column, wide characters whole", () => {
  const frame = layOut({ prompt: "> ", text: "ab漢字", cursor: 3 }, { columns: 6, rowsMax: 9 });
  expect(frame).toEqual({ rows: ["> ab", "漢字"], widths: [4, 4], cursorRow: 1, cursorColumn: 2, beforeCursor: "漢" });
});

test("what could drive the terminal is shown as a sign", () => {
  const { rows } = layOut({ prompt: "", text: "a\nb\x1b[2Jc\u202ed", cursor: 0 }, { columns: 80, rowsMax: 2 });
  expect(rows).toEqual(["a↵b·[2Jc·d"]);
});

test("of a line too long for the terminal that part is shown in which the cursor is", () => {
  const text = Array.from({ length: 9_000 }, (_, at) => `${at} `).join("");
  for (const at of [0, 4_500, 8_999]) {
    const cursor = text.indexOf(`${at} `);
    const frame = layOut({ prompt: "> ", text, cursor }, { columns: 40, rowsMax: 5 });
    expect(frame.rows.length).toBe(5);
    expect(frame.rows.join("")).toContain(` ${at}`.trim());
  }
});

test("a frame fits its room, and holds all of the text where there is room for it", () => {
  const words = fc.string({ unit: "grapheme", maxLength: 60 });
  const room = fc.record({ columns: fc.integer({ min: 3, max: 30 }), rowsMax: fc.integer({ min: 1, max: 6 }) });
  fc.assert(
    fc.property(words, fc.nat(60), room, (text, wanted, { columns, rowsMax }) => {
      const cursor = boundaryLeft(text, Math.min(wanted, text.length));
      const frame = layOut({ prompt: "> ", text, cursor }, { columns, rowsMax });
      expect(frame.rows.length).toBeLessThanOrEqual(rowsMax);
      expect(frame.cursorRow).toBeLessThan(frame.rows.length);
      expect(frame.cursorColumn).toBeLessThan(columns);
      expect(frame.rows[frame.cursorRow]!.startsWith(frame.beforeCursor)).toBe(true);
      for (const width of frame.widths) expect(width).toBeLessThan(columns);
      const all = layOut({ prompt: "> ", text, cursor }, { columns, rowsMax: 200 });
      expect(all.rows.join("").length).toBeGreaterThanOrEqual("> ".length);
      if (/^[ -~]*$/.test(text)) expect(all.rows.join("")).toBe(`> ${text}`);
    }),
  );
});
