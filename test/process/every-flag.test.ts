import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { argsOf } from "../../src/cli/line/argv.ts";
import type { FlagDef } from "../../src/cli/line/command.ts";
import { globalFlags } from "../../src/cli/line/global-flags.ts";
import { valueKindOf } from "../../src/cli/line/value-kinds.ts";
import { BINARY } from "../support/binary.ts";
import { lineWith } from "../support/command-lines.ts";
import { everyCommand } from "../support/every-command.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Of flags whose words are somebody's own: what is too long, or nothing where something is needed. */
const WRONG: Readonly<Record<string, string>> = {
  hostname: "x".repeat(300),
  description: "x".repeat(10_000),
  tag: "x".repeat(300),
};

/** Flags whose value the command looks at in surroundings alone that this test has not, with the test that shows it there. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "monitor -group": "only in a session of Claude Code, which test/hosts has",
};

/** A value that none of the kind is. */
function wrongValue(flag: string, def: FlagDef): string {
  if (def.type === "boolean") return "perhaps";
  const kind = valueKindOf(def)!;
  switch (kind.kind) {
    case "choice":
      return `${kind.words[0]}x`;
    case "duration":
    case "number":
    case "time":
    case "key":
    case "link":
    case "url":
    case "place":
    case "address":
      return "no such";
    default:
      return WRONG[flag] ?? "";
  }
}

async function run(home: string, args: readonly string[]) {
  const child = Bun.spawn([BINARY, ...args], {
    env: { PATH: process.env.PATH ?? "", HOME: home, ENTMOOT_IROH_BIND: "127.0.0.1,::1", ENTMOOT_RELAY: "off" },
    cwd: home,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    timeout: 20_000,
  });
  const [stdout, stderr, exit] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, exit };
}

inNetns(import.meta, () => {
  test("a wrong value of any flag is exit status 5, names the flag, prints nothing and changes nothing", async () => {
    using home = new TemporaryDirectory();
    await run(home.path, ["group", "create", "-name", "council"]);
    const before = readdirSync(home.path, { recursive: true }).toSorted();
    const lines: [name: string, flag: string, line: string[]][] = [];
    for (const [path, command] of await everyCommand()) {
      for (const [flag, def] of Object.entries(await argsOf(command))) {
        const isOnceForAll = globalFlags[flag as keyof typeof globalFlags] === def && path[0] !== "info";
        const name = `${path.join(" ")} -${flag}`;
        if (def.type === "positional" || isOnceForAll || Object.hasOwn(ELSEWHERE, name)) continue;
        lines.push([name, flag, lineWith(path, flag, wrongValue(flag, def))]);
      }
    }
    expect(lines.length).toBeGreaterThan(220);
    const unlike: string[] = [];
    const next = async () => {
      for (let each = lines.pop(); each !== undefined; each = lines.pop()) {
        const [name, flag, line] = each;
        const { exit, stderr, stdout } = await run(home.path, line);
        // A flag of the original's is named in its words, without the dash.
        if (exit === 5 && stdout === "" && stderr.includes(flag.replace("-level", " level"))) continue;
        unlike.push(`${name}: status ${exit}: ${stderr}${stdout}`.slice(0, 400));
      }
    };
    await Promise.all([next(), next(), next()]);
    expect(unlike.toSorted()).toEqual([]);
    expect(readdirSync(home.path, { recursive: true }).toSorted()).toEqual(before);
  });

  test("a word that is close to one that a flag takes is answered with that one", async () => {
    using home = new TemporaryDirectory();
    await run(home.path, ["group", "create", "-name", "council"]);
    for (const [path, command] of await everyCommand()) {
      for (const [flag, def] of Object.entries(await argsOf(command))) {
        const kind = def.type === "positional" || def.type === "boolean" ? undefined : valueKindOf(def);
        const isGlobal = globalFlags[flag as keyof typeof globalFlags] === def;
        if (kind?.kind !== "choice" || (isGlobal && path[0] !== "info")) continue;
        const line = lineWith(path, flag, `${kind.words[0]}x`);
        const { exit, stderr } = await run(home.path, line);
        expect([line, exit, stderr]).toEqual([line, 5, expect.stringContaining(`did you mean ${kind.words[0]}?`)]);
      }
    }
  });
});
