import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Key, type KeyName, KeyReader } from "../../../src/cli/talk/keys.ts";
import { type Done, LineEditor } from "../../../src/cli/talk/line-editor.ts";

/** Types what is sent, and gives the line with `|` for the cursor. */
function typed(sent: string, editor = new LineEditor()): string {
  press(editor, sent);
  const { cursor, text } = editor.view;
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

function press(editor: LineEditor, sent: string): Done[] {
  const keys = new KeyReader().read(new TextEncoder().encode(sent));
  return keys.map((key) => editor.press(key)).filter((done) => done !== undefined);
}

const LEFT = "\x1b[D";
const RIGHT = "\x1b[C";
const paste = (text: string) => `\x1b[200~${text}\x1b[201~`;
const line = (text: string, pasted = false): Done => ({ kind: "line", text, pasted });

test.each([
  [`abc${LEFT}${LEFT}X`, "aX|bc"],
  ["abc\x01X\x05Y", "XabcY|"],
  [`ab${LEFT}${RIGHT}${RIGHT}c`, "abc|"],
  ["one two\x1bb\x1bbX", "X|one two"],
  ["one two\x01\x1bfX", "oneX| two"],
  ["one, two\x17", "one, |"],
  ["one, two \x17\x17", "|"],
  ["say/this\x1b\x7f", "|"],
  [`abc${LEFT}\x0b`, "ab|"],
  [`abc${LEFT}\x15`, "|c"],
  [`one two\x17\x01\x19 `, "two |one "],
  [`abc\x01\x1b[3~\x04`, "|c"],
  ["ab\x14", "ba|"],
  [`a漢字${LEFT}\x7f`, "a|字"],
  ["e\u0301x\x7f\x7f", "|"],
  [`👩‍👩‍👧🇩🇪${LEFT}\x7f`, "|🇩🇪"],
  [`${LEFT}${RIGHT}\x7f\x1b[3~\x17\x0b\x15\x14\x1bb\x1bf`, "|"],
  [paste("pasted words\n"), "pasted words|"],
  [`<>${LEFT}${paste("between")}`, "<between|>"],
])("%j gives %s", (sent, shown) => expect(typed(sent)).toBe(shown));

test("a finished line leaves an empty one, and arrow up brings it back without losing the line begun", () => {
  const editor = new LineEditor();
  expect(press(editor, "first\rsecond\r")).toEqual([line("first"), line("second")]);
  expect(typed("begun\x1b[A", editor)).toBe("second|");
  expect(typed("\x1b[A\x1b[A", editor)).toBe("first|");
  expect(typed("\x1b[B\x1b[B", editor)).toBe("begun|");
  expect(typed("\x1b[B!", editor)).toBe("begun!|");
});

test("Ctrl-D ends an empty line and no other; Ctrl-C ends any", () => {
  const editor = new LineEditor();
  expect(press(editor, "a\x04\x7f\x04")).toEqual([{ kind: "end" }]);
  expect(press(editor, "a\x03")).toEqual([{ kind: "end" }]);
});

const LINES = "one\ntwo\n\n/quit";

test.each(["y\r", "Y\r", "yes\r", "\r", "no\x7f\x7fy\r", "x\x15\r"])(
  "a paste of several lines is one message once %j says so",
  (answer) => {
    const editor = new LineEditor();
    expect(press(editor, `so: ${paste(`${LINES}\n`)}`)).toEqual([]);
    expect(editor.view.question).toContain("4 lines");
    expect(press(editor, answer)).toEqual([line(`so: ${LINES}`, true)]);
    expect(editor.view).toEqual({ text: "", cursor: 0, question: undefined });
  },
);

test.each(["n\r", "No\r", "yno\x03", "\x1b[201~\x03", "\x04", "\x1b\x1b\x1b"])(
  "%j publishes no paste, and leaves the line and the history",
  (answer) => {
    const editor = new LineEditor();
    press(editor, `so: ${paste(LINES)}`);
    expect(press(editor, answer).map(({ kind }) => kind)).not.toContain("line");
    expect(editor.view).toMatchObject({ text: "so: ", question: undefined });
    expect(typed("\x1b[A", editor)).toBe(`${LINES}|`);
  },
);

test("a paste can be changed first, and what answers nothing changes nothing", () => {
  const editor = new LineEditor();
  expect(press(editor, `${paste(LINES)}hello, all of you`)).toEqual([]);
  expect(editor.view).toMatchObject({ text: "hello, all of you", question: expect.stringContaining("then Enter") });
  const expected = { kind: "note", text: expect.stringContaining("y publishes it, n does not, e puts it") };
  expect(press(editor, "\r")).toEqual([expected as unknown as Done]);
  expect(press(editor, "\x1b[A")).toEqual([expected as unknown as Done]);
  expect(press(editor, `${"y".repeat(100)}\r`)).toEqual([expected as unknown as Done]);
  expect(editor.view.question).toBeDefined();
  expect(press(editor, "e\r")).toEqual([]);
  expect(press(editor, "!\r")).toEqual([line(`${LINES}!`)]);
});

test("a long paste of one line is asked about too", () => {
  const editor = new LineEditor();
  press(editor, paste("x".repeat(10_000)));
  expect(editor.view.question).toContain("1 line, 9.8 KiB (10,000 bytes),");
  expect(press(editor, "y\r")).toEqual([line("x".repeat(10_000), true)]);
});

const NAMES: readonly KeyName[] = [
  "left",
  "right",
  "word_left",
  "word_right",
  "home",
  "end",
  "up",
  "down",
  "backspace",
  "delete",
  "delete_word_left",
  "delete_word_right",
  "kill_to_end",
  "kill_to_start",
  "yank",
  "swap",
  "enter",
];
const anyKey: fc.Arbitrary<Key> = fc.oneof(
  fc.constantFrom(...NAMES).map((kind): Key => ({ kind })),
  fc
    .oneof(fc.string({ unit: "grapheme", maxLength: 4 }), fc.constantFrom(" ", "👩‍👩‍👧", "\u0301", "\u200d", "🇩", "漢"))
    .map((text): Key => ({ kind: "text", text })),
);

test("whatever is pressed, the cursor stands between two characters as people see them", () => {
  fc.assert(
    fc.property(fc.array(anyKey, { maxLength: 30 }), (keys) => {
      const editor = new LineEditor();
      for (const key of keys) {
        editor.press(key);
        const { cursor, text } = editor.view;
        const bounds = Array.from(new Intl.Segmenter().segment(text), ({ index }) => index);
        expect([...bounds, text.length, 0]).toContain(cursor);
      }
    }),
  );
});
