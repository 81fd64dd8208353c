import { expect, test } from "bun:test";
import { completionOf } from "../../../src/cli/complete/candidates.ts";
import { programWords } from "../../../src/cli/complete/command-words.ts";
import { placeOfWord } from "../../../src/cli/complete/place-of-word.ts";
import { COMPLETION_SCRIPTS } from "../../../src/cli/complete/shell-scripts.ts";
import { argsOf } from "../../../src/cli/line/argv.ts";
import type { EntmootCommand } from "../../../src/cli/line/command.ts";
import { COMMANDS } from "../../../src/cli/line/command-table.ts";
import { globalFlags } from "../../../src/cli/line/global-flags.ts";
import { valueKindOf } from "../../../src/cli/line/value-kinds.ts";

const words = await programWords(COMMANDS, globalFlags);

async function after(...line: string[]): Promise<string[] | "files" | "folders"> {
  const [ahead, word] = [line.slice(0, -1), line.at(-1)!];
  const named = async (kind: string) => ["alpha", "beta"].map((text) => ({ text: `${kind}-${text}`, note: "" }));
  const { candidates, files } = await completionOf(placeOfWord(ahead, word, words), word, named);
  return files === "none" ? candidates.map(({ text }) => text) : files;
}

test("each word is completed by what may stand there", async () => {
  expect(await after("publ")).toEqual(["publish"]);
  expect(await after("compl")).toEqual(["completion"]);
  expect(await after("group", "cr")).toEqual(["create"]);
  expect(await after("-data", "/d", "group", "public", "d")).toEqual(["descriptor"]);
  expect(await after("help", "publ")).toEqual(["publish"]);
  expect(await after("man", "group", "cr")).toEqual(["create"]);
  expect(await after("publish", "-to")).toEqual(["-topic", "-token"]);
  expect(await after("publish", "--to")).toEqual(["--topic", "--token"]);
  expect(await after("publish", "-group", "")).toEqual(["moot-alpha", "moot-beta"]);
  expect(await after("publish", "-group=moot-b")).toEqual(["-group=moot-beta"]);
  expect(await after("publish", "-topic", "topic-alpha,")).toEqual(["topic-alpha,topic-beta"]);
  expect(await after("publish", "-reference", "message-alpha,m")).toEqual(["message-alpha,message-beta"]);
  expect(await after("publish", "-file", "")).toBe("files");
  expect(await after("backup", "")).toBe("folders");
  expect(await after("ask", "@")).toEqual(["@member-alpha", "@member-beta"]);
  expect(await after("mute", "")).toEqual(["member-alpha", "member-beta"]);
  expect(await after("deliver", "-as", "")).toEqual(["voice-alpha", "voice-beta"]);
  expect(await after("deliver", "-rule", "a")).toEqual(["all", "allow-list"]);
  expect(await after("query", "-since", "y")).toEqual(["yesterday"]);
  expect(await after("attach", "--", "myagent", "")).toBe("files");
  expect(await after("info", "-hide-ip=")).toEqual(["-hide-ip=true", "-hide-ip=false"]);
  expect(await after("-log-level", "w")).toEqual(["warn"]);
  expect(await after("nosuch", "")).toEqual([]);
  expect(await after("publish", "-nosuch=")).toEqual([]);
  expect(await after("publish", "-content", "")).toEqual([]);
});

test("a name that begins as a flag does is offered only where it is read as one", async () => {
  const named = async () => ["-x", "--%", "plain"].map((text) => ({ text, note: "" }));
  const offered = async (...line: string[]) => {
    const place = placeOfWord(line.slice(0, -1), line.at(-1)!, words);
    return (await completionOf(place, line.at(-1)!, named)).candidates.map(({ text }) => text);
  };
  expect(await offered("mute", "")).toEqual(["plain"]);
  expect(await offered("mute", "--", "")).toEqual(["-x", "--%", "plain"]);
  expect(await offered("publish", "-topic", "")).toEqual(["-x", "--%", "plain"]);
  expect(await offered("publish", "-topic=-")).toEqual(["-topic=-x", "-topic=--%"]);
});

test("PowerShell writes in a string what it would read as more than a word", () => {
  const [, found] = /\$text -match "([^"]*)"/.exec(COMPLETION_SCRIPTS.powershell) ?? [];
  const isInString = (text: string) => new RegExp(found!).test(text);
  for (const text of ["--%", "--", "-topic=a.b", "-a:b", "@x", "a b", "$x", "a;b", "`", "a,b", "(x)", "-topic=--%"]) {
    expect({ text, is: isInString(text) }).toEqual({ text, is: true });
  }
  for (const text of ["plain", "-topic", "--topic", "-topic=news", "v1.2", "a:b", "a/b"]) {
    expect({ text, is: isInString(text) }).toEqual({ text, is: false });
  }
});

test("the value of every flag and argument is of a known kind", async () => {
  const strange: string[] = [];
  const look = async (path: string, command: EntmootCommand): Promise<void> => {
    const subs = await (typeof command.subCommands === "function" ? command.subCommands() : command.subCommands);
    for (const [name, sub] of Object.entries(subs ?? {})) {
      await look(`${path} ${name}`, (await (typeof sub === "function" ? sub() : sub)) as EntmootCommand);
    }
    for (const [name, def] of Object.entries(await argsOf(command))) {
      if (def.type !== "boolean" && valueKindOf(def) === undefined) strange.push(`${path} -${name} ${def.valueHint}`);
    }
  };
  for (const [name, { load }] of Object.entries(COMMANDS)) await look(name, await load());
  expect(strange).toEqual([]);
});

test("PowerShell doubles each sign that would end the string a word stands in", () => {
  const [, signs, by] = /-replace "(\[[^"]*\])", '([^']*)'\) \+ "'"/.exec(COMPLETION_SCRIPTS.powershell) ?? [];
  expect(by).toBe("$0$0");
  // As "about_Quoting_Rules" and the tokenizer have it: curly ones end a string as straight ones do.
  for (const sign of "'\u2018\u2019\u201a\u201b")
    expect({ sign, is: new RegExp(signs!).test(sign) }).toEqual({ sign, is: true });
});
