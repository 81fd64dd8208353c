import { expect, test } from "bun:test";
import { refuseChangedWords } from "../../../src/cli/line/raw-arguments.ts";

const bytes = (text: string) => Buffer.from(text, "latin1");
const utf8 = (text: string) => Buffer.from(text, "utf8").toString("latin1");

/** A kernel that keeps these, as bytes; `undefined` where there is none. */
const kept = (words: readonly string[] | undefined) => async () =>
  words === undefined ? undefined : new Uint8Array(bytes(`${words.join("\0")}\0`));

const refused = (argv: readonly string[], raw: readonly string[] | undefined) =>
  refuseChangedWords(argv, {}, kept(raw)).then(
    () => undefined,
    (error: Error) => error.message,
  );

test("an argument that is no UTF-8 is refused, named by its flag or its number", async () => {
  const program = ["entmootd", "publish"];
  expect(await refused(["publish", "-content", "caf\ufffd"], [...program, "-content", "caf\xe9"])).toBe(
    '-content: expected text in UTF-8, found "caf\\xe9", which is not; to publish bytes as they are, give them to -file -',
  );
  expect(await refused(["publish", "--file=\ufffd"], [...program, "--file=\xff"])).toContain("-file: expected text");
  expect(await refused(["publish", "\ufffd\ufffd\ufffd"], [...program, "\xed\xa0\x80"])).toContain(
    "argument 2: expected",
  );
  expect(await refused(["publish", "x\ud800"], [...program, "x\xed\xa0\x80"])).toContain("argument 2: expected");
});

test("a character that says so itself is kept, where the bytes can be looked at", async () => {
  const argv = ["publish", "-content", "a\ufffdb", "\u{1f600}"];
  const raw = ["bun", "main.ts", "publish", "-content", utf8("a\ufffdb"), utf8("\u{1f600}")];
  expect(await refused(argv, raw)).toBeUndefined();
  expect(await refused(argv, undefined)).toContain("-content: expected text in UTF-8, found U+FFFD");
});

test("variables that are read are looked at too, others are nobody's business", async () => {
  const look = (env: Record<string, string>, raw: readonly string[]) => refuseChangedWords([], env, kept(raw));
  await expect(look({ ENTMOOT_DATA: "/\ufffd" }, ["A=b", "ENTMOOT_DATA=/\xe9"])).rejects.toThrow(
    'ENTMOOT_DATA: expected text in UTF-8, found "/\\xe9"',
  );
  await look({ ENTMOOT_DATA: "/\ufffd" }, [`ENTMOOT_DATA=${utf8("/\ufffd")}`]);
  await look({ OTHER: "\ufffd" }, ["OTHER=\xe9"]);
});

test("nothing is read when every word is plain", async () => {
  const never = () => Promise.reject(new Error("read"));
  await refuseChangedWords(["publish", "-content", "h\u00e9llo \u{1f600}"], { HOME: "/home/\u00e9" }, never);
});
