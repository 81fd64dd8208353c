import { expect, test } from "bun:test";
import { KeyPieces } from "../../../src/agent/terminal/key-pieces.ts";
import { TypedDraft } from "../../../src/agent/terminal/typed-draft.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Typed one after the other, each as it came. */
function typed(keys: readonly string[], now = { hasLines: false, isAsked: false }) {
  const draft = new TypedDraft();
  const isActive = keys.map((each) => draft.read(bytes(each), now)).some(Boolean);
  return { state: draft.state, entered: draft.entered, isActive };
}

test.each<[string, string[]]>([
  ["letters", ["abc"]],
  ["letters after a line", ["abc\rd"]],
  ["a paste of lines", ["\x1b[200~one\rtwo\r\x1b[201~"]],
  ["a paste in parts, its end mark too", ["\x1b[200~one\r", "two\x1b[20", "1~"]],
  ["an Enter behind a backslash", ["abc\\\r"]],
  ["Alt-Enter", ["\x1b\r"]],
  ["Shift-Enter of a keyboard protocol", ["\x1b[13;2u"]],
  ["Ctrl-J", ["\n"]],
  ["a letter of a keyboard protocol", ["\x1b[97u"]],
  ["one of two rubbed out", ["ab\x7f"]],
  ["a character of several bytes", ["é"]],
])("a draft: %s", (_what, keys) => {
  expect(typed(keys)).toMatchObject({ state: "typed", isActive: true });
});

test.each<[string, string[]]>([
  ["nothing", []],
  ["an entered line", ["abc\r"]],
  ["an entered paste", ["\x1b[200~one\rtwo\x1b[201~\r"]],
  ["all rubbed out", ["ab\x7f\x7f"]],
  ["Enter of a keyboard protocol", ["\x1b[97u\x1b[13u"]],
  ["a line rubbed out", ["abc\x15"]],
  ["Ctrl-C with nothing typed", ["\x03"]],
  ["Ctrl-L, Ctrl-Z, Ctrl-S", ["\x0c\x1a\x13\x11"]],
])("no draft: %s", (_what, keys) => {
  expect(typed(keys)).toMatchObject({ state: "empty" });
});

test.each<[string, string[]]>([
  ["arrow up, which recalls", ["\x1b[A"]],
  ["arrow up of an application", ["\x1bOA"]],
  ["a completion", ["\t"]],
  ["Escape", ["\x1b"]],
  ["Alt-b", ["abc\x1bb"]],
  ["Ctrl-C in a draft, which some programs keep", ["abc\x03"]],
  ["Ctrl-R", ["\x12"]],
  ["Ctrl-C of a keyboard protocol", ["\x1b[99;5u"]],
  ["a line rubbed out of two", ["a\nb\x15"]],
])("not known: %s", (_what, keys) => {
  expect(typed(keys)).toMatchObject({ state: "unknown" });
});

test.each<[string, string[]]>([
  ["device attributes", ["\x1b[?62;22c"]],
  ["a position, in two pieces", ["\x1b[12;", "40R"]],
  ["focus", ["\x1b[I\x1b[O"]],
  ["a colour", ["\x1b]11;rgb:1/2/3\x07", "\x1b]11;rgb:1/2/3\x1b\\"]],
  ["a version, in pieces", ["\x1bP>|xterm", "(390)\x1b", "\\"]],
  ["a mode", ["\x1b[?2026;2$y"]],
  ["keyboard flags", ["\x1b[?1u"]],
])("what a terminal reports is nobody's: %s", (_what, keys) => {
  expect(typed(keys)).toMatchObject({ state: "empty", isActive: false });
});

test.each(["\x1b[<0;10;10M", "\x1b[M !!"])("a pointer is somebody's and no draft: %j", (keys) => {
  expect(typed([keys])).toMatchObject({ state: "empty", isActive: true });
});

test("a letter let go is none typed", () => {
  expect(typed(["\x1b[97;1:3u"])).toMatchObject({ state: "empty" });
});

test("in a terminal of lines, Ctrl-C rubs out and a line feed enters", () => {
  expect(typed(["abc\x03"], { hasLines: true, isAsked: false }).state).toBe("empty");
  expect(typed(["abc\n"], { hasLines: true, isAsked: false })).toMatchObject({ state: "empty", entered: "abc" });
});

test("an Enter that answers a question ends no draft", () => {
  expect(typed(["abc\r"], { hasLines: false, isAsked: true }).state).toBe("typed");
});

test("a paste of megabytes is one draft, and little of it is kept", () => {
  const draft = new TypedDraft();
  const now = { hasLines: false, isAsked: false };
  for (let at = 0; at < 64; at++) draft.read(bytes("x".repeat(65_536)), now);
  expect(draft.state).toBe("typed");
  draft.read(bytes("\r"), now);
  expect(draft.entered.length).toBeLessThan(1_000);
});

test("whatever comes, in whatever pieces, is read to its end", () => {
  const text = "a\x1b[200~p\x1bq\x1b[201~b\x1b[1;5Cc\x1b]0;t\x07d\x1b[M abe\x1bOPf\x1b[?1;2cg";
  const keys = (pieces: readonly string[]) => {
    const reader = new KeyPieces();
    return pieces
      .flatMap((piece) => reader.read(bytes(piece)))
      .flatMap((piece) => (piece.kind === "keys" ? piece.text : []))
      .join("");
  };
  expect(keys([text])).toBe("abcdefg");
});
