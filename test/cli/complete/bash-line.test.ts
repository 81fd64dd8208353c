import { expect, test } from "bun:test";
import { readBashLine } from "../../../src/cli/complete/bash-line.ts";

const BREAKS = " \t\n\"'@><=;|&(:";

test.each([
  ["entmootd query -gr", ["entmootd", "query"], "-gr"],
  ["entmootd query ", ["entmootd", "query"], ""],
  ['cd x && entmootd \'two words\' "a\\"b" c\\ d', ["entmootd", "two words", 'a"b'], "c d"],
  ["entmootd -content '", ["entmootd", "-content"], ""],
  ['entmootd -content "a $(touch x)', ["entmootd", "-content"], "a $(touch x)"],
  ["", [], ""],
])("reads %j as bash does", (line, ahead, word) => {
  expect(readBashLine(line, BREAKS)).toMatchObject({ ahead, word });
});

test("a reply replaces what bash takes for the word, written so that bash reads it back", () => {
  const reply = (line: string, candidate: string) => readBashLine(line, BREAKS).reply(candidate);
  expect(reply("e -group my", "my moot")).toBe("my\\ moot");
  expect(reply("e -group=my", "-group=my moot")).toBe("my\\ moot");
  expect(reply('e -group="my', "-group=my $moot")).toBe("my \\$moot");
  expect(reply("e -group 'my", "my $moot")).toBe("my $moot");
  expect(reply("e @al", "@alice")).toBe("alice");
  expect(reply("e ~", "~x;`y`")).toBe("\\~x\\;\\`y\\`");
  expect(reply("e ", "Füße 🌳")).toBe("Füße\\ \\🌳");
});

test("where a name cannot be written between the quotes that stand there, it is left out", () => {
  expect(readBashLine("e 'it", BREAKS).reply("it's")).toBeUndefined();
  expect(readBashLine('e "hi', BREAKS).reply("hi!")).toBeUndefined();
  expect(readBashLine("e hi", BREAKS).reply("hi!")).toBe("hi\\!");
});
