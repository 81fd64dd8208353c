import { expect, test } from "bun:test";
import fc from "fast-check";
import { layOut } from "../../../src/cli/talk/layout.ts";
import { Painter } from "../../../src/cli/talk/painter.ts";
import { boundaryLeft } from "../../../src/cli/talk/text-steps.ts";
import { TinyScreen } from "../../support/tiny-screen.ts";

const COLUMNS = 12;
const LOOKS = { columns: COLUMNS, isDumb: false };
const frameOf = (text: string, cursor: number, rowsMax = 4) =>
  layOut({ prompt: "> ", text, cursor }, { columns: COLUMNS, rowsMax });

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.array(fc.constantFrom("a", " ", "漢", "e\u0301", "ß", "👍"), { maxLength: 40 }).map((parts) => parts.join("")),
);
const step = fc.record({
  text,
  back: fc.nat(3),
  above: fc.array(
    fc.stringMatching(/^[a-z ]{1,30}$/).map((line) => line.trim()),
    { maxLength: 3 },
  ),
});

test.each([false, true])("lines go by and the line being typed stays whole (a dumb terminal: %p)", (isDumb) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), (steps) => {
      const screen = new TinyScreen(COLUMNS, 20);
      const painter = new Painter();
      const shown: string[] = [];
      for (const { above, back, text } of steps) {
        const frame = frameOf(text, boundaryLeft(text, Math.max(0, text.length - back)), isDumb ? 1 : 4);
        screen.write(painter.paint(above, frame, { columns: COLUMNS, isDumb }));
        for (const line of above) shown.push(...rowsOf(line));
        const rows = [...shown, ...frame.rows.map((row) => row.trimEnd())];
        expect(trimmed(screen.lines)).toEqual(trimmed(rows));
        expect(screen.cursor.column).toBe(frame.cursorColumn);
        expect(screen.cursor.row).toBe(shown.length + frame.cursorRow);
      }
    }),
  );
});

/** A printed line as the terminal wraps it. */
function rowsOf(line: string): string[] {
  const rows = line.match(/.{1,12}/g) ?? [""];
  return rows.map((row) => row.trimEnd());
}

function trimmed(rows: readonly string[]): string[] {
  const all = [...rows];
  while (all.at(-1) === "") all.pop();
  return all;
}

test("where plain characters do, nothing else is sent", () => {
  const painter = new Painter();
  const sent = [
    painter.paint([], frameOf("", 0), LOOKS),
    painter.paint(["somebody"], frameOf("typed", 3), LOOKS),
    painter.paint([], undefined, LOOKS),
  ];
  expect(sent).toEqual(["> ", "\r  \rsomebody\r\n> typed\r> typ", "\r       \r"]);
});

test("on a terminal that has become narrower, what was drawn is found all the same", () => {
  const painter = new Painter();
  painter.paint([], layOut({ prompt: "> ", text: "x".repeat(30), cursor: 30 }, { columns: 40, rowsMax: 4 }), LOOKS);
  const narrow = layOut({ prompt: "> ", text: "", cursor: 0 }, { columns: 10, rowsMax: 4 });
  expect(painter.paint([], narrow, { columns: 10, isDumb: false })).toBe("\r\x1b[3A\x1b[J> ");
});

test("leaving goes below the line, wherever in it the cursor stands", () => {
  const painter = new Painter();
  painter.paint([], frameOf("one two three four", 0), LOOKS);
  expect(painter.leave()).toBe("\r\n\r\n");
  expect(painter.leave()).toBe("");
});
