import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { argsOf } from "../../src/cli/line/argv.ts";
import type { FlagDef } from "../../src/cli/line/command.ts";
import { globalFlags } from "../../src/cli/line/global-flags.ts";
import { valueKindOf } from "../../src/cli/line/value-kinds.ts";
import { BINARY } from "../support/binary.ts";
import { everyCommand } from "../support/every-command.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const KEY = "A".repeat(43);

/** What else a command has to be told before it looks at its flags; by its words. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  ask: ["@nobody", "why?"],
  attach: ["opencode", "-dry-run"],
  conformance: ["/nowhere"],
  context: ["AAAAAAAAAAAA"],
  "default-moot live on": ["-node", "1"],
  export: ["out.file"],
  "group create": ["-name", "a"],
  "group public publish": ["-esp-url", "https://esp.example"],
  "group update": ["-name", "a"],
  import: ["none.archive"],
  "invite revoke": ["-id", "0123456789abcdef"],
  join: ["none"],
  "mailbox ack": ["-client", "a", "-message", "AAAAAAAAAAAA"],
  "mailbox cursor": ["-client", "a"],
  "mailbox pull": ["-client", "a"],
  man: [],
  mute: ["7"],
  "policy explain": ["AAAAAAAAAAAA"],
  "group policy explain": ["AAAAAAAAAAAA"],
  "policy set": ["-preset", "standard"],
  "group policy set": ["-preset", "standard"],
  prune: ["-older-than", "90d", "-yes"],
  publish: ["-topic", "chat", "-content", "a"],
  read: ["AAAAAAAAAAAA"],
  receipts: [],
  reply: ["AAAAAAAAAAAA", "-content", "a"],
  restore: ["/nowhere"],
  "roster add": ["-pubkey", KEY],
  "roster remove": ["-pubkey", KEY],
  "roster heal": ["-keep", "AAAA", "-yes"],
  search: ["word"],
  setup: ["claude", "-print"],
  thread: ["AAAAAAAAAAAA"],
  unmute: ["7"],
  "voice add": ["a"],
  "voice remove": ["a"],
};

/** The same, where it is another for one flag. */
const BESIDE_FLAG: Readonly<Record<string, readonly string[]>> = {
  "attach -dry-run": ["opencode"],
  "ask -file": ["@nobody"],
  "group policy explain -file": [],
  "group policy set -file": [],
  "invite revoke -link": [],
  "mailbox ack -through": ["-client", "a"],
  "policy explain -file": [],
  "policy set -file": [],
  "prune -before": ["-yes"],
  "publish -file": ["-topic", "chat"],
  "reply -file": ["AAAAAAAAAAAA"],
  "roster remove -member": [],
};

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

/** The command line that gives the flag of a command this value, and whatever else the command needs. */
function lineWith(path: readonly string[], flag: string, value: string): string[] {
  const words = path.join(" ");
  const beside = [...(BESIDE_FLAG[`${words} -${flag}`] ?? BESIDE[words] ?? [])];
  const at = beside.indexOf(`-${flag}`);
  if (at >= 0) beside.splice(at, 2);
  return [...path, `-${flag}=${value}`, ...beside];
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
