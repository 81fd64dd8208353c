import { expect, test } from "bun:test";
import { readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argsOf } from "../../../src/cli/line/argv.ts";
import type { EntmootCommand } from "../../../src/cli/line/command.ts";
import { COMMANDS } from "../../../src/cli/line/command-table.ts";
import { globalFlags } from "../../../src/cli/line/global-flags.ts";
import { manPages } from "../../../src/cli/line/man-page.ts";
import { cli } from "../../support/cli.ts";
import { missingTool } from "../../support/needs.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const pages = await manPages(COMMANDS, globalFlags, { version: "v1.2.3", date: "2026-11-30T00:00:00Z" });
const byName = new Map(pages.map(({ name, roff }) => [name, roff]));

async function everyCommand(path: readonly string[], command: EntmootCommand): Promise<[string[], EntmootCommand][]> {
  const subs =
    (typeof command.subCommands === "function" ? await command.subCommands() : await command.subCommands) ?? {};
  const below = Object.entries(subs).map(async ([name, sub]) =>
    everyCommand([...path, name], (typeof sub === "function" ? await sub() : await sub) as EntmootCommand),
  );
  return [[[...path], command], ...(await Promise.all(below)).flat()];
}

test("every command and part has a page with its description, its flags and its exit statuses, and nothing else has", async () => {
  const expected = new Set(["entmootd.1"]);
  for (const [name, entry] of Object.entries(COMMANDS)) {
    if (entry.hidden) continue;
    for (const [path, command] of await everyCommand([name], await entry.load())) {
      const file = `entmootd-${path.join("-")}.1`;
      expected.add(file);
      const roff = byName.get(file) ?? "";
      expect([file, roff]).toEqual([
        file,
        expect.stringContaining(`.TH "ENTMOOTD\\-${path.join("-").toUpperCase().replaceAll("-", "\\-")}"`),
      ]);
      for (const [flag, def] of Object.entries(await argsOf(command))) {
        if (def.type === "positional" || Object.hasOwn(globalFlags, flag)) continue;
        expect([file, roff]).toEqual([file, expect.stringContaining(`\\fB\\-${flag.replaceAll("-", "\\-")}`)]);
      }
      if (command.help !== undefined && command.help.exits.length > 0) expect(roff).toContain('.SH "EXIT STATUS"');
    }
  }
  expect([...byName.keys()].toSorted()).toEqual([...expected].toSorted());
});

test("a page is what a formatter reads without a word of complaint", () => {
  for (const { name, roff } of pages) {
    expect([name, /[^\n\x20-\x7e]/.test(roff)]).toEqual([name, false]);
    const requests = roff.split("\n").filter((line) => /^[.']/.test(line) && !/^\.(TH|SH|TP|nf|fi)\b/.test(line));
    expect([name, requests]).toEqual([name, []]);
  }
  if (missingTool("groff") !== undefined) return;
  const all = pages.map(({ roff }) => roff).join("");
  const { stderr, exitCode } = Bun.spawnSync(["groff", "-man", "-Tutf8", "-ww", "-z"], { stdin: Buffer.from(all) });
  expect([stderr.toString(), exitCode]).toEqual(["", 0]);
});

test("man prints a page, writes all of them, and names the command that was probably meant", async () => {
  using home = new TemporaryDirectory();
  const printed = await cli(home.path, ["man", "group", "create"]);
  expect(printed.stdout).toStartWith('.TH "ENTMOOTD\\-GROUP\\-CREATE"');
  const written = await cli(home.path, ["man", "-dir", `${home.path}/share/man1`]);
  expect(written.json()).toEqual([{ event: "written", dir: `${home.path}/share/man1`, pages: pages.length }]);
  // A page of a command that is no more goes; what only has such a name stays.
  const folder = `${home.path}/share/man1`;
  const left = {
    "entmootd-gone.1": '.TH "ENTMOOTD\\-GONE" "1" "2020-01-01" "entmootd v0.1.0"\n',
    "entmootd-mine.1": "mine",
  };
  for (const [name, held] of Object.entries(left)) writeFileSync(join(folder, name), held);
  symlinkSync(join(folder, "entmootd.1"), join(folder, "entmootd-led.1"));
  const again = await cli(home.path, ["man", "-dir", folder]);
  expect(again.exit).toBe(0);
  expect(
    readdirSync(folder)
      .filter((name) => !byName.has(name))
      .sort(),
  ).toEqual(["entmootd-led.1", "entmootd-mine.1"]);
  expect(await cli(home.path, ["man", "publsh"])).toMatchObject({
    exit: 5,
    stderr: expect.stringContaining('no command is called "publsh"; did you mean publish?'),
  });
  expect(await cli(home.path, ["man", "-dir", "/dev/null/x"])).toMatchObject({ stdout: "" });
});
