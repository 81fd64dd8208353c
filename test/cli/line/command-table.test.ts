import { describe, expect, test } from "bun:test";
import { argsOf, readCommandLine } from "../../../src/cli/line/argv.ts";
import type { EntmootCommand } from "../../../src/cli/line/command.ts";
import { COMMANDS } from "../../../src/cli/line/command-table.ts";
import { globalFlags } from "../../../src/cli/line/global-flags.ts";
import { commandHelp, programHelp } from "../../../src/cli/line/help.ts";

interface Leaf {
  readonly path: readonly string[];
  readonly command: EntmootCommand;
}

async function leavesOf(path: readonly string[], command: EntmootCommand): Promise<Leaf[]> {
  const part = command.subCommands;
  const subCommands = typeof part === "function" ? await part() : await part;
  if (subCommands === undefined) return [{ path, command }];
  const nested = Object.entries(subCommands).map(async ([name, sub]) =>
    leavesOf([...path, name], (typeof sub === "function" ? await sub() : await sub) as EntmootCommand),
  );
  return (await Promise.all(nested)).flat();
}

const leaves = (
  await Promise.all(Object.entries(COMMANDS).map(async ([name, entry]) => leavesOf([name], await entry.load())))
).flat();

test("the table says of each command what the command says of itself", async () => {
  for (const [name, entry] of Object.entries(COMMANDS)) {
    const { meta } = await entry.load();
    expect(meta).toEqual({ name, description: entry.description });
  }
});

test("help of the program names every command and every global flag", () => {
  const help = programHelp(COMMANDS, globalFlags);
  expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  for (const [name, { hidden }] of Object.entries(COMMANDS)) {
    if (hidden) expect(help).not.toContain(`\n  ${name} `);
    else expect(help).toContain(`\n  ${name} `);
  }
  for (const name of Object.keys(globalFlags)) expect(help).toContain(`  -${name}`);
});

describe.each(leaves.map((leaf) => [leaf.path.join(" "), leaf] as const))("%s", (name, { path, command }) => {
  test("has help with a description, its flags, an example and its exit statuses", async () => {
    const help = await commandHelp(path, command, globalFlags);
    expect(help).toContain(`usage:\n  entmootd ${name}`);
    expect((command.meta as { description?: string }).description?.length).toBeGreaterThan(10);
    for (const [flag, def] of Object.entries(await argsOf(command))) {
      expect(def.description?.length ?? 0).toBeGreaterThan(3);
      if (def.type !== "positional" && !Object.hasOwn(globalFlags, flag)) expect(help).toContain(`  -${flag}`);
    }
    expect(help).toContain(`example:\n  entmootd ${name}`);
    expect(help).toMatch(/exit status:\n {2}0 +done/);
    const exits = command.help?.exits ?? [];
    expect(exits).toContain(5);
    expect([...exits]).toEqual([...new Set(exits)].sort((a, b) => a - b));
  });

  test("has help that fits 80 columns", async () => {
    const help = await commandHelp(path, command, globalFlags);
    expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  test("is found by its words, and its help without them being complete", async () => {
    const request = await readCommandLine([...path, "-h"], COMMANDS, globalFlags);
    expect(request).toMatchObject({ kind: "help", path });
  });

  test("has no flag that could be read as the opposite of another, or that hides help", async () => {
    const flags = Object.keys(await argsOf(command));
    expect(flags.filter((flag) => /^no-|^h$|^help$/.test(flag))).toEqual([]);
  });
});
