import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Key, KeyReader, PASTE_MAX_CHARS } from "../../../src/cli/talk/keys.ts";

const ENCODER = new TextEncoder();
const read = (text: string) => new KeyReader().read(ENCODER.encode(text));

test.each<[sent: string, keys: string]>([
  ["\x1b[A\x1b[B\x1b[C\x1b[D", "up down right left"],
  ["\x1bOA\x1bOH\x1bOF", "up home end"],
  ["\x1b[H\x1b[F\x1b[1~\x1b[4~\x1b[7~\x1b[8~\x1b[3~", "home end home end home end delete"],
  ["\x1b[1;5C\x1b[1;3D\x1b[1;2C\x1b[3;5~", "word_right word_left right delete_word_right"],
  ["\x1bb\x1bf\x1bd\x1b\x7f", "word_left word_right delete_word_right delete_word_left"],
  ["\x01\x05\x0b\x15\x17\x19\x14", "home end kill_to_end kill_to_start delete_word_left yank swap"],
  ["\x02\x06\x10\x0e\b\x7f\r\n", "left right up down backspace backspace enter enter"],
  ["\x03\x04\x1a\x0c\x13\x11", "interrupt end_of_input suspend redraw hold go_on"],
  ["\x1b\x1b[A", "escape up"],
])("%j is %s", (sent, keys) => expect(read(sent).map(({ kind }) => kind)).toEqual(keys.split(" ") as Key["kind"][]));

test.each([
  "\x1b[15~",
  "\x1b[5~",
  "\x1b[Z",
  "\x1b[?1;2c",
  "\x1bOP",
  "\x1b[[A",
  "\x1b[97;5u",
  "\x00",
  "\x1c",
  "\x1b[0;0R",
])("%j, which means nothing here, reads as nothing typed", (sent) =>
  expect(read(`${sent}a`)).toEqual([{ kind: "text", text: "a" }]),
);

const piece = fc.oneof(
  fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\x1b")),
  fc.constantFrom("\x1b[A", "\x1b[1;5C", "\x1bOF", "\x1b[3~", "\x1bb", "\r", "\x7f", "漢字", "👩‍👩‍👧", "e\u0301"),
  // Two of those in a row, each a piece of its own, give a paste up.
  fc
    .string({ unit: "binary-ascii" })
    .map((text) => text.replaceAll("\x03", "").replaceAll("\x04", ""))
    .map((text) => `\x1b[200~${text.replaceAll("\x1b", "")}\x1b[201~`),
);

test("however what is sent is cut into pieces, it is the same keys", () => {
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (sent, cuts) => {
      const bytes = ENCODER.encode(sent.join(""));
      const reader = new KeyReader();
      const keys: Key[] = [];
      for (let at = 0, cut = 0; at < bytes.length; at += cuts[cut++ % cuts.length]!) {
        keys.push(...reader.read(bytes.subarray(at, at + cuts[cut % cuts.length]!)));
      }
      expect(joined(keys)).toEqual(joined(new KeyReader().read(bytes)));
    }),
  );
});

/** A run of text may come in several keys. */
function joined(keys: readonly Key[]): Key[] {
  const all: Key[] = [];
  for (const key of keys) {
    const last = all.at(-1);
    if (key.kind === "text" && last?.kind === "text")
      all[all.length - 1] = { kind: "text", text: last.text + key.text };
    else all.push(key);
  }
  return all;
}

test("a paste is one key, of any length, with the line breaks of files", () => {
  const text = `first\n${"x".repeat(300_000)}\nkeys in it are text: \x1b[A\x03\n`;
  expect(read(`a\x1b[200~${text.replaceAll("\n", "\r")}\x1b[201~b`)).toEqual([
    { kind: "text", text: "a" },
    { kind: "paste", text },
    { kind: "text", text: "b" },
  ]);
});

test("a paste longer than anything that can be published is not kept", () => {
  const reader = new KeyReader();
  const part = ENCODER.encode("y".repeat(1024 * 1024));
  expect(reader.read(ENCODER.encode("\x1b[200~"))).toEqual([]);
  for (let size = 0; size <= PASTE_MAX_CHARS; size += part.length) expect(reader.read(part)).toEqual([]);
  const end = reader.read(ENCODER.encode("\x1b[201~z"));
  expect(end).toEqual([
    { kind: "paste_too_long", maxChars: PASTE_MAX_CHARS },
    { kind: "text", text: "z" },
  ]);
});

test.each(["\x03", "\x04"])(
  "a paste without an end is given up with %j twice in a row, and with one of them not",
  (key) => {
    const reader = new KeyReader();
    const press = (text: string) => reader.read(ENCODER.encode(text));
    expect(press(`a\x1b[200~one\rtwo`)).toEqual([{ kind: "text", text: "a" }]);
    expect(reader.pastingChars).toBe(7);
    for (const text of [key, "x", key, "y"]) expect(press(text)).toEqual([]);
    press(key);
    expect(press(key)).toEqual([{ kind: "paste_given_up", text: `one\ntwo${key}x${key}y` }]);
    expect(reader.pastingChars).toBeUndefined();
    expect(press("b")).toEqual([{ kind: "text", text: "b" }]);
  },
);
