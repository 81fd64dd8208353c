import { describe, expect, test } from "bun:test";
import { type ArgsDef, parseArgs } from "citty";
import { type CommandEntry, readCommandLine } from "../../../src/cli/line/argv.ts";
import { defineCommand, repeated } from "../../../src/cli/line/command.ts";
import { EntmootError } from "../../../src/core/errors.ts";

const globals = {
  data: { type: "string" },
  relay: { type: "string", repeatable: true },
  "hide-ip": { type: "boolean" },
} as const;

const publish = defineCommand({
  meta: { name: "publish", description: "say something" },
  args: {
    ...globals,
    topic: { type: "string", required: true },
    content: { type: "string" },
    order: { type: "enum", options: ["asc", "desc"] },
    n: { type: "string" },
    json: { type: "boolean", alias: "j" },
    tag: { type: "string", repeatable: true } as const,
  },
});
const join = defineCommand({
  meta: { name: "join" },
  args: { serve: { type: "boolean" }, invite: { type: "positional", required: true, variadic: true } as const },
});
const create = defineCommand({ meta: { name: "create" }, args: { name: { type: "string" } } });
const group = defineCommand({
  meta: { name: "group" },
  subCommands: { create, policy: { subCommands: { set: create } } },
});

const table: Record<string, CommandEntry> = {
  publish: { description: "say something", load: async () => publish },
  join: { description: "join", load: async () => join },
  group: { description: "groups", load: async () => group },
};

/** The flags and positionals as the command's `run` would see them through citty. */
async function read(...argv: string[]) {
  const request = await readCommandLine(argv, table, globals);
  if (request.kind !== "run") return request;
  const parsed = parseArgs([...request.rawArgs], request.command.args as ArgsDef) as Record<string, unknown>;
  return { kind: request.kind, path: request.path.join(" "), flags: request.flags, args: parsed };
}

async function refusal(...argv: string[]): Promise<string> {
  try {
    await read(...argv);
  } catch (error) {
    expect(error).toBeInstanceOf(EntmootError);
    expect((error as EntmootError).code).toBe("invalid_argument");
    return (error as EntmootError).message;
  }
  throw new Error(`accepted: ${argv.join(" ")}`);
}

describe("a value reaches the command", () => {
  test.each([
    [["publish", "-topic", "chat"]],
    [["publish", "--topic", "chat"]],
    [["publish", "-topic=chat"]],
    [["publish", "--topic=chat"]],
  ])("written as %j", async (argv) => {
    expect(await read(...argv)).toMatchObject({ flags: { topic: "chat" }, args: { topic: "chat" } });
  });

  test("that starts with a dash, behind = or as a number or a lone dash", async () => {
    expect(await read("publish", "-topic=-x", "-n", "-1", "-content", "-")).toMatchObject({
      args: { topic: "-x", n: "-1", content: "-" },
    });
  });

  test("that holds =, is empty, or has blanks, line ends and other scripts", async () => {
    for (const content of ["a=b=c", "", "two words", "line\nend", "ÄÖ 🌳", "--", "--no-x"]) {
      expect(await read("publish", "-topic", "t", `-content=${content}`)).toMatchObject({ args: { content } });
    }
  });

  test("is one: two of a flag are refused unless they are the same, all of a repeatable one are kept in order", async () => {
    expect(await refusal("publish", "-topic", "a", "--topic=b")).toBe('-topic: expected one value, found "a" and "b"');
    expect(await refusal("publish", "-topic=a", "-json", "-no-json")).toContain("-json: expected one value");
    const request = await read("publish", "-topic", "a", "--topic=a", "-tag", "x", "-tag=y,z", "--tag", "");
    if (request.kind !== "run" || !("args" in request)) throw new Error("expected a run");
    expect(request.args.topic).toBe("a");
    expect(repeated(request.args.tag as string)).toEqual(["x", "y,z", ""]);
    expect(repeated(undefined)).toEqual([]);
  });
});

describe("a boolean", () => {
  test.each([
    ["-json", true],
    ["--json", true],
    ["-j", true],
    ["-json=true", true],
    ["-json=T", true],
    ["-json=1", true],
    ["-json=false", false],
    ["-json=0", false],
    ["--json=F", false],
    ["-no-json", false],
    ["--no-json", false],
  ] as const)("%s is %p", async (flag, value) => {
    expect(await read("publish", "-topic=t", flag)).toMatchObject({ flags: { json: value }, args: { json: value } });
  });

  test("never takes the next argument", async () => {
    expect(await refusal("publish", "-topic=t", "-json", "false")).toBe('publish: unexpected argument "false"');
  });

  test("with another word is refused", async () => {
    expect(await refusal("publish", "-topic=t", "-json=yes")).toContain('invalid boolean value "yes" for -json');
  });
});

describe("global flags", () => {
  test("stand before or after the command and its op, and the later one wins", async () => {
    expect(await read("--data=/x", "-data", "/y", "publish", "-topic=t")).toMatchObject({ flags: { data: "/y" } });
    expect(await read("-data=/x", "publish", "-topic=t", "-data=/z")).toMatchObject({ args: { data: "/z" } });
    expect(await read("-hide-ip", "group", "-data=/a", "create", "-name=n")).toMatchObject({
      path: "group create",
      flags: { "hide-ip": true, data: "/a", name: "n" },
    });
  });

  test("that repeat are gathered from both sides", async () => {
    const request = await read("-relay=a", "publish", "-topic=t", "-relay=b");
    expect(request).toMatchObject({ flags: { relay: "a\0b" } });
  });

  test("are told apart from a command's own flag of the same name", async () => {
    const own = defineCommand({ meta: { name: "own" }, args: { relay: { type: "string" } } });
    const request = await readCommandLine(
      ["own", "-relay=not a relay", "-data=/x"],
      { own: { description: "own", load: async () => own } },
      globals,
    );
    expect(request).toMatchObject({ flags: { relay: "not a relay", data: "/x" }, globals: { data: "/x" } });
    expect(request).not.toHaveProperty("globals.relay");
  });

  test("of one command are not known before it", async () => {
    expect(await refusal("-topic=t", "publish")).toBe("flag provided but not defined: -topic");
  });
});

describe("what is not understood is refused", () => {
  test.each([
    [["publish", "-topik=t"], /flag provided but not defined: -topik; did you mean -topic\?/],
    [["publish", "-zzz"], /flag provided but not defined: -zzz; run "entmootd publish -help"/],
    [["publish", "-topic"], /flag needs an argument: -topic$/],
    [["publish", "-topic", "-content", "x"], /flag needs an argument: -topic; write -topic=-content/],
    [["publish", "-topic", "--"], /flag needs an argument: -topic/],
    [["publish", "-content=x"], /publish: -topic is required/],
    [["publish", "-topic=t", "-order=up"], /publish: -order must be asc or desc, found "up"/],
    [["publish", "-=x"], /bad flag syntax: -=x/],
    [["publish", "---topic=t"], /bad flag syntax: ---topic/],
    [["publsh"], /unknown subcommand "publsh"; did you mean publish\?/],
    [["members"], /unknown subcommand "members"; who is in a moot: "entmootd peers"$/],
    [["constructor"], /unknown subcommand "constructor"$/],
    [["group"], /group: missing op \(want: create, policy\)/],
    [["group", "policy"], /group policy: missing op \(want: set\)/],
    [["group", "crate"], /group: unknown op "crate" \(want: create, policy\)/],
    [["group", "list"], /unknown op "list" \(want: create, policy\); the moots of this node: "entmootd info"/],
    [["group", "toString"], /group: unknown op "toString"/],
    [["join"], /join: missing invite/],
    [["publish", "-topic=t", "-no-topic"], /not defined: -no-topic/],
  ] as const)("%j", async (argv, message) => {
    expect(await refusal(...argv)).toMatch(message);
  });
});

describe("arguments that are not flags", () => {
  test("and that a command does not read are refused, with the flag whose value they may be a piece of", async () => {
    expect(await refusal("publish", "stray", "-topic=t", "b")).toBe('publish: unexpected argument "stray"');
    expect(await refusal("publish", "-topic", "hello", "world")).toBe(
      'publish: unexpected argument "world"; if it belongs to -topic, put the whole value in quotes',
    );
    expect(await refusal("publish", "-topic", "hello", "-json", "world")).toBe('publish: unexpected argument "world"');
    expect(await refusal("group", "create", "-name=n", "--", "-x")).toBe('group create: unexpected argument "-x"');
  });

  test("and that begin with what a word processor made of a dash name the flag", async () => {
    for (const dash of ["\u2013", "\u2014", "\u2212"]) {
      for (const args of [
        ["publish", `${dash}topic`, "chat"],
        ["publish", "-topic=t", `${dash}topic=chat`],
        ["join", "a.json", `${dash}serve`],
      ]) {
        expect(await refusal(...args)).toMatch(/; did you mean -(topic|serve)\? It begins with another dash$/);
      }
    }
    expect(await read("join", "\u2013other.json")).toMatchObject({ args: { _: ["\u2013other.json"] } });
  });

  test("may stand before, between and after flags", async () => {
    expect(await read("join", "a.json", "-serve", "b.json")).toMatchObject({
      args: { _: ["a.json", "b.json"], invite: "a.json", serve: true },
    });
  });

  test("may look like flags after --", async () => {
    expect(await read("join", "--", "-serve", "--", "-h")).toMatchObject({
      args: { _: ["-serve", "--", "-h"] },
      flags: {},
    });
  });

  test("may be a lone dash", async () => {
    expect(await read("join", "-")).toMatchObject({ args: { _: ["-"] } });
  });
});

describe("help", () => {
  test.each([[["-h"]], [["-help"]], [["--help"]], [["-data=x", "-h"]], [["help"]]])(
    "of the program: %j",
    async (argv) => {
      expect(await read(...argv)).toEqual({ kind: "help", path: [], command: undefined });
    },
  );

  test.each([
    [["publish", "-h"], ["publish"]],
    [["-h", "publish"], ["publish"]],
    [["help", "publish"], ["publish"]],
    [["publish", "stray", "-topic", "x", "--help"], ["publish"]],
    [["group", "-h"], ["group"]],
    [["group", "help"], ["group"]],
    [
      ["group", "create", "-help"],
      ["group", "create"],
    ],
    [
      ["help", "group", "policy", "set"],
      ["group", "policy", "set"],
    ],
  ])("of a command: %j", async (argv, path) => {
    expect(await read(...argv)).toMatchObject({ kind: "help", path });
  });

  test("is not asked for by a value or after --", async () => {
    expect(await read("publish", "-topic=-h")).toMatchObject({ kind: "run" });
    expect(await read("join", "--", "-h")).toMatchObject({ kind: "run" });
  });

  test("nothing at all is not help", async () => {
    expect(await read()).toEqual({ kind: "nothing" });
  });
});
