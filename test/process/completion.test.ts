import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argsOf } from "../../src/cli/line/argv.ts";
import { globalFlags } from "../../src/cli/line/global-flags.ts";
import { BINARY } from "../support/binary.ts";
import { eventually } from "../support/eventually.ts";
import { missingTool, testWhere } from "../support/needs.ts";
import { OPEN_GROUP } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A name that a shell would act on, had nobody quoted it. */
const ODD = 'it\'s "odd" $(touch ran) `touch ran`';
const HIDDEN = "ev\u001b[31mil";

const home = new TemporaryDirectory();
const env = { PATH: `${home.path}/bin:${process.env.PATH}`, HOME: home.path, ENV: "", PS1: "$ " };

function run(...args: string[]) {
  const { exitCode, stderr, stdout } = Bun.spawnSync([BINARY, ...args], { env, cwd: home.path });
  if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
  return stdout.toString();
}

beforeAll(() => {
  mkdirSync(join(home.path, "bin"));
  symlinkSync(BINARY, join(home.path, "bin/entmootd"));
  run("group", "create", "-name", "town square");
  // The command refuses such names; another's may come from anywhere.
  for (const name of [ODD, HIDDEN]) run("call", "group_create", JSON.stringify({ ...OPEN_GROUP, name }));
});
afterAll(() => home[Symbol.dispose]());

/** What the line looks like after tab, said by the program that gets it: each argument on a line of its own. */
async function completed(shell: "bash" | "zsh" | "fish", typed: string): Promise<string[]> {
  const said = join(home.path, `said-${crypto.randomUUID()}`);
  // What gets the arguments in the end, and is what is asked at the tab.
  const script = `#!/bin/sh\nif [ "$1" = complete ] || [ "$1" = completion ]; then exec '${BINARY}' "$@"; fi\nprintf '%s\\n' "$@" > '${said}.part'\nmv '${said}.part' '${said}'\n`;
  const bin = join(home.path, `bin-${crypto.randomUUID()}`);
  mkdirSync(bin);
  writeFileSync(join(bin, "entmootd"), script, { mode: 0o755 });
  const start = {
    bash: ["bash", "--norc", "--noprofile", "-i"],
    zsh: ["zsh", "-f", "-i"],
    fish: ["fish", "--no-config", "-i"],
  }[shell];
  const ready = {
    bash: `eval "$(entmootd completion bash)"; bind 'set enable-bracketed-paste off'; echo rea''dy`,
    zsh: `autoload -U compinit; compinit -D -u; eval "$(entmootd completion zsh)"; echo rea''dy`,
    fish: "entmootd completion fish | source; echo rea''dy",
  }[shell];
  let shown = "";
  const child = Bun.spawn(start, {
    env: { ...env, TERM: "xterm", PATH: `${bin}:${process.env.PATH}` },
    cwd: home.path,
    terminal: { cols: 120, rows: 24, data: (_terminal, bytes) => (shown += new TextDecoder().decode(bytes)) },
  });
  try {
    child.terminal!.write(`${ready}\r`);
    await eventually(`${shell} at its prompt`, () => shown.includes("ready") || undefined);
    // Shells take keys in turn, so what ends the line waits for the tab.
    child.terminal!.write(`${typed}\t\r`);
    await eventually(`${typed} in ${shell}`, () => existsSync(said) || undefined, 10_000);
    return readFileSync(said, "utf8").split("\n").slice(0, -1);
  } catch (cause) {
    throw new Error(`${(cause as Error).message}\n--- terminal\n${shown}`, { cause });
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    child.terminal!.close();
  }
}

const CASES: readonly (readonly [typed: string, args: readonly string[]])[] = [
  ["entmootd group crea", ["group", "create"]],
  ["entmootd query -order d", ["query", "-order", "desc"]],
  ["entmootd query -group town", ["query", "-group", "town square"]],
  ["entmootd query -group=town", ["query", "-group=town square"]],
  ["entmootd query -group it", ["query", "-group", ODD]],
];

for (const shell of ["bash", "zsh", "fish"] as const) {
  // Of these only bash and zsh are on every machine that counts; a fish that is there is asked too.
  if (shell === "fish" && missingTool(shell) !== undefined) continue;
  testWhere(
    missingTool(shell),
    `${shell} completes words, flags and names, and runs nothing that is in a name`,
    async () => {
      for (const [typed, args] of CASES) expect([typed, await completed(shell, typed)]).toEqual([typed, [...args]]);
      expect(readdirSync(home.path)).not.toContain("ran");
    },
  );
}

testWhere(missingTool("bash"), "bash completes within quotes", async () => {
  expect(await completed("bash", 'entmootd query -group "it')).toEqual(["query", "-group", ODD]);
  expect(await completed("bash", "entmootd query -group 'town")).toEqual(["query", "-group", "town square"]);
});

test("a tab starts and writes nothing, and shows no word that would steer the terminal", () => {
  const before = treeOf(home.path);
  const answer = run("complete", "--", "query", "-group", "");
  expect(answer).toStartWith("words\n");
  expect(answer).not.toMatch(/[^\P{Cc}\t\n]/u);
  // By its id alone.
  expect(answer.match(/^[A-Za-z0-9+/]{43}=\tev\[31mil$/gm)).toHaveLength(1);
  run("complete", "--", "publish", "-topic", "");
  run("complete", "--", "ask", "@");
  run("complete", "-shell", "bash", "--", "entmootd -data /nowhere/at/all query -group ", " \t=");
  expect(treeOf(home.path)).toEqual(before);
});

test("a tab waits for no daemon that says nothing", async () => {
  using folder = new TemporaryDirectory();
  using _silent = Bun.listen({ unix: join(folder.path, "control.sock"), socket: { data() {} } });
  const child = Bun.spawn([BINARY, "-data", folder.path, "complete", "--", "query", "-group", ""], { env });
  expect([await new Response(child.stdout).text(), await child.exited]).toEqual(["words\n", 0]);
});

test("what the build found out of commands is what they say", async () => {
  const { COMMANDS } = await import("../../src/cli/line/command-table.ts");
  for (const [name, { load }] of Object.entries(COMMANDS)) {
    const offered = run("complete", "--", name, "-").split("\n").slice(1, -1);
    const command = await load();
    const own = Object.entries({ ...globalFlags, ...((await argsOf(command)) as typeof globalFlags) });
    const flags = own.filter(([, def]) => (def as { type?: string }).type !== "positional").map(([flag]) => `-${flag}`);
    expect([name, offered.map((row) => row.split("\t")[0]!).toSorted()]).toEqual([name, flags.toSorted()]);
  }
});

function treeOf(folder: string): string[] {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true });
  return found.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    // Whoever reads a database has an index of its log for that moment, in the same folder; nothing of it stays.
    const { mtimeMs, size } = lstatSync(path);
    return entry.isDirectory() ? path : `${path} ${size} ${mtimeMs}`;
  });
}
