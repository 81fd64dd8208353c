import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { argsOf } from "../../src/cli/line/argv.ts";
import { COMMANDS } from "../../src/cli/line/command-table.ts";
import { globalFlags } from "../../src/cli/line/global-flags.ts";
import { everyCommand } from "../support/every-command.ts";

const ROOT = join(import.meta.dir, "../..");
const commands = new Map((await everyCommand()).map(([path, command]) => [path.join(" "), command] as const));

/** What README, pages and skill show as code after the name of the program, as far as one command goes. */
function shownLines(): { readonly file: string; readonly words: readonly string[] }[] {
  const pages = readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`);
  return ["README.md", "CHANGELOG.md", "install.sh", "src/skills/entmoot/SKILL.md", ...pages].flatMap((file) => {
    const text = readFileSync(join(ROOT, file), "utf8").replaceAll("\\\n", " ").replaceAll("\\|", "|");
    const lines = [...text.matchAll(/(?:`|^ {0,4}|[$&|(] ?)entmootd ([a-z][^`\n]*)/gm)].map(([, rest]) => rest!);
    return lines.map((line) => ({
      file,
      words: line
        .split(/[;&|#)>]| -- | {2}/)[0]!
        .trim()
        .split(/\s+/),
    }));
  });
}

test("every command and flag that README, pages and skill name is there", async () => {
  const lines = shownLines();
  expect(lines.length).toBeGreaterThan(100);
  const wrong: string[] = [];
  for (const { file, words } of lines) {
    const [first] = words;
    if (!/^[a-z][a-z-]*$/.test(first!)) continue;
    if (!Object.hasOwn(COMMANDS, first!) && first !== "help") {
      wrong.push(`${file}: entmootd ${words.join(" ")}`);
      continue;
    }
    const path = [3, 2, 1].map((count) => words.slice(0, count).join(" ")).find((name) => commands.has(name));
    if (path === undefined) continue;
    const known = new Set([
      ...Object.keys(await argsOf(commands.get(path)!)),
      ...Object.keys(globalFlags),
      "h",
      "help",
    ]);
    for (const word of words) {
      const flag = /^\[?--?([a-z][a-z-]*)/.exec(word)?.[1];
      if (flag !== undefined && !known.has(flag)) wrong.push(`${file}: entmootd ${path}: -${flag}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("docs/cli.md has a row for every command", async () => {
  const page = readFileSync(join(ROOT, "docs/cli.md"), "utf8");
  const missing = [...commands.keys()].filter((name) => {
    const entry = COMMANDS[name.split(" ")[0]!]!;
    // `policy` stands under `group` too, and has its row once.
    const [last, ...ahead] = name
      .replace(/^group policy/, "policy")
      .split(" ")
      .toReversed();
    return (
      !entry.optIn &&
      !entry.hidden &&
      !new RegExp(`\`${[...ahead.toReversed()].join(" ")}[a-zN|\\\\ -]*\\b${last}\\b`).test(page)
    );
  });
  expect(missing).toEqual([]);
});
