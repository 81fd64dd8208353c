import { expect, test } from "bun:test";
import { lineLook, questionOn, saysWorking, signOf, standing } from "../../../src/agent/terminal/screen-signs.ts";
import type { ScreenView } from "../../../src/agent/terminal/terminal-screen.ts";

/** Rows with `▌` where the cursor is. */
function view(text: string): ScreenView {
  const rows = text.split("\n");
  const row = rows.findIndex((each) => each.includes("▌"));
  const before = rows[row]?.split("▌")[0];
  return {
    rows: rows.map((each) => each.replace("▌", "")),
    cursor: before === undefined ? undefined : { row, before },
    isAlternate: false,
    takesPastes: true,
  };
}

test.each([
  "Do you want to proceed?\n❯ 1. Yes\n  2. Yes, and don't ask again\n  3. No",
  "│ ❯ 1. Yes   │\n│   2. No    │",
  "> 1. Light\n  2. Dark",
  "Trust this folder?\n  › Yes\n    No",
  "Overwrite? [y/N] ▌",
  "Continue (yes/no)?",
  "some text\n--More--",
  "pick one\nEnter to confirm · Esc to cancel",
  "Press any key to go on",
  "[sudo] password for me: ▌",
  "Enter passphrase for key: ▌",
])("a question: %j", (text) => {
  expect(questionOn(view(text))).toBeDefined();
});

test.each([
  "● I see two ways:\n  1. this\n  2. that\n\n> ▌",
  "> 1. is what I said\n● Fine.\n> ▌",
  "❯ yes\n\n● No, that is wrong.\n\n❯ ▌",
  "● ok\n\n✻ Crunched for 0s\n────\n❯ ▌",
  "╭────╮\n│ > ▌ │\n╰────╯\n  ? for shortcuts",
  "The password: is in the file\n> ▌",
  "$ ▌",
])("no question: %j", (text) => {
  expect(questionOn(view(text))).toBeUndefined();
});

test.each([
  "✻ Thinking… (12s · esc to interrupt)",
  "Working (esc to interrupt)",
  "⠋ esc interrupt",
  "(ctrl+c to cancel)",
])("at work: %j", (text) => {
  expect(saysWorking(view(`before\n${text}\n> ▌`))).toBe(true);
  expect(saysWorking(view("before\n> ▌"))).toBe(false);
});

const FRAMED = (line: string) => `╭──────────────────╮\n│ ${line} │\n╰──────────────────╯\n? for shortcuts`;

test("a text is found where it stands, however it is wrapped and framed", () => {
  const before = view(FRAMED("> ▌"));
  const now = view(FRAMED("> one two three  │\n│   four five six▌"));
  const sign = signOf("one two three four five six", before, now);
  expect(sign).toBeDefined();
  expect(standing(now, sign!)).toBe("there");
  expect(standing(view(`> one two three\n  four five six\n${FRAMED("> ▌")}`), sign!)).toBe("gone");
});

test("without a cursor the rows below tell the line from what was said", () => {
  const before = view(FRAMED("> "));
  const now = view(FRAMED("> one two three"));
  const sign = signOf("one two three", before, now)!;
  expect(standing(now, sign)).toBe("there");
  expect(standing(view(`> one two three\n\n${FRAMED("> ")}`), sign)).toBe("gone");
  expect(standing(view(FRAMED("> ")), sign)).toBe("gone");
  expect(standing(view(FRAMED("> one two three").replace("?", "*")), sign)).toBe("unclear");
});

test("what was there before is no sign", () => {
  const before = view(`● one two three\n${FRAMED("> ▌")}`);
  expect(signOf("one two three", before, before)).toBeUndefined();
  expect(signOf("one two three", before, view(`● one two three\n${FRAMED("> one▌")}`))).toBeUndefined();
});

test("one that ends as the last one did, which has scrolled away, is found before the cursor", () => {
  const before = view(`> reply with entmoot_ack(id above).\n● ok\n${FRAMED("> ▌")}`);
  expect(
    signOf("reply with entmoot_ack(id above).", before, view(FRAMED("> reply with entmoot_ack(id above).▌"))),
  ).toBeDefined();
});

test("a mark for a paste is its sign", () => {
  const now = view(FRAMED("> [Pasted text #1 +12 lines]▌"));
  const sign = signOf("a\nlong text", view(FRAMED("> ▌")), now)!;
  expect(standing(now, sign)).toBe("there");
  expect(standing(view(`> [Pasted text #1 +12 lines]\n${FRAMED("> ▌")}`), sign)).toBe("gone");
});

test("a line that ends alike elsewhere is neither", () => {
  const sign = signOf("one two", view("> ▌"), view("> one two▌"))!;
  expect(standing(view("got one two▌"), sign)).toBe("unclear");
  expect(standing(view("> one two\ngot one two\n▌"), sign)).toBe("gone");
});

test("an empty line is known again, with what stands in it", () => {
  expect(lineLook(view("> ▌"))).toBe(lineLook(view("said\n> ▌")));
  expect(lineLook(view("> ▌draft"))).not.toBe(lineLook(view("> ▌")));
  expect(lineLook(view("▌"))).toBeUndefined();
});
