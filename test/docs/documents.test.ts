import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { EntmootCommand } from "../../src/cli/line/command.ts";
import { COMMANDS } from "../../src/cli/line/command-table.ts";
import { ControlClient } from "../../src/control/control-client.ts";
import { STATUS } from "../../src/core/failure-table.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { DIAGNOSES, type Diagnosis, nextOf } from "../../src/node/doctor/diagnoses.ts";
import { nodeImplementations } from "../../src/node/implementations.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { methodsOf } from "../../src/node/operations/operation.ts";
import { OPERATIONS } from "../../src/node/operations/table.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { listOperations, operationsMarkdown } from "../../src/view/operation-listing.ts";
import { controlServer } from "../support/control.ts";
import { liveDaemon } from "../support/live-daemon.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";
import { followNews } from "./library-example.ts";
import { EXAMPLE_IMPLEMENTATIONS, EXAMPLE_OPERATIONS } from "./worked-example.ts";

const ROOT = join(import.meta.dir, "../..");
const document = (name: string) => readFileSync(join(ROOT, "docs", name), "utf8");

test("docs/operations.md lists the operations as they are", () => {
  const [, listed] = document("operations.md").split(/\n?<!-- (?:end of )?operations -->\n/);
  expect(listed).toBe(operationsMarkdown(OPERATIONS));
});

test("docs/doctor.md lists each diagnosis with its meaning and the command to run next", () => {
  const at = { group: "MOOT", path: "PATH", head: "HEAD", pid: "PID", user: "USER" };
  const rows = Object.entries(DIAGNOSES).map(([name, { means }]) => {
    const next = nextOf(name as Diagnosis, at).join(" ");
    return `| \`${name}\` | ${means} | ${next === "" ? "" : `\`${next}\``} |`;
  });
  const listed = document("doctor.md").split("## Diagnoses")[1]!.split("\n");
  expect(listed.filter((line) => line.startsWith("| `"))).toEqual(rows);
});

test("every command that a diagnosis names is one that there is, with flags that it has", async () => {
  const at = { group: "AQEB", path: "/d", head: "AQEB", pid: "7", user: "0" };
  for (const name of Object.keys(DIAGNOSES) as Diagnosis[]) {
    const [program, ...words] = nextOf(name, at);
    if (program !== "entmootd") continue;
    const [word, ...rest] = words;
    let command: EntmootCommand | undefined = await COMMANDS[word!]?.load();
    while (command?.subCommands !== undefined) {
      const entry: unknown = Reflect.get(command.subCommands, rest.shift()!);
      command = await (typeof entry === "function"
        ? (entry as () => Promise<EntmootCommand>)()
        : (entry as EntmootCommand));
    }
    expect([name, command?.run]).toEqual([name, expect.any(Function)]);
    for (const flag of rest.filter((each) => each.startsWith("-") && each !== "--help")) {
      expect([name, flag, Object.keys(command?.args ?? {})]).toEqual([
        name,
        flag,
        expect.arrayContaining([flag.slice(1)]),
      ]);
    }
  }
});

test("docs/cli.md lists the codes of failures under the status that each ends with", () => {
  const byStatus = Map.groupBy(Object.entries(STATUS), ([, { exit }]) => exit);
  for (const [exit, rows] of byStatus) {
    expect(document("cli.md")).toContain(`| ${exit} | ${rows.map(([code]) => `\`${code}\``).join(", ")} |`);
  }
});

test("docs/architecture.md shows the worked example as it compiles", () => {
  const example = readFileSync(join(import.meta.dir, "worked-example.ts"), "utf8");
  const shown = example.replaceAll("../../src/", "");
  expect(document("architecture.md")).toContain(`\`\`\`ts\n${shown}\`\`\``);
});

test("docs/operations.md shows a program that compiles, and shows what is said from its start on", async () => {
  const example = readFileSync(join(import.meta.dir, "library-example.ts"), "utf8");
  expect(document("operations.md")).toContain(`\`\`\`ts\n${example.replaceAll("../../src/", "./src/")}\`\`\``);
  await using it = await liveDaemon();
  await it.node.call(group_create, OPEN_GROUP);
  const heard: string[] = [];
  const done = new Error("heard enough");
  const following = followNews(it.dataDir, (line) => {
    heard.push(line);
    if (heard.length === 2) throw done;
  });
  await until(() => heard.length === 1);
  await it.node.call(publish, { topics: ["news/at/noon"], content: new TextEncoder().encode("again") });
  await expect(following).rejects.toBe(done);
  expect(heard).toEqual(["hello", "again"]);
  await expect(followNews(join(it.dataDir, "none"), () => {})).rejects.toThrow("no daemon runs on");
});

/** The files of each drawing in "The three ways", by the room on the left or by their own path, and the number said of them. */
function drawnWays(): { readonly said: number; readonly files: readonly string[] }[] {
  const [, section] = document("architecture.md").split("## The three ways through the files\n");
  const drawings = section!.split("\n## ")[0]!.matchAll(/(\d+) files[^`]*```\n([^`]*)```/g);
  return [...drawings].map(([, said, drawing]) => {
    let room = "";
    const files = drawing!.split("\n").flatMap((line) => {
      room = /^ ([a-z]+) /.exec(line)?.[1] ?? room;
      return (line.match(/[\w/-]+\.ts/g) ?? []).map((name) => (ROOM_PATH.test(name) ? name : `${room}/${name}`));
    });
    return { said: Number(said), files: [...new Set(files)] };
  });
}

const ROOM_PATH = /^(core|wire|machine|store|transport|host|node|view|control|daemon|cli)\//;

test("docs/architecture.md draws three ways with files that exist, as many as it says", () => {
  const ways = drawnWays();
  expect(ways).toHaveLength(3);
  for (const { files, said } of ways) {
    expect(files.filter((file) => !existsSync(join(ROOT, "src", file)))).toEqual([]);
    expect(files).toHaveLength(said);
  }
});

const STORE_INTERFACE = /^store\/(group|node)-store\.ts$/;

/** The files of `src` that a file imports. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, "src", file), "utf8");
  return [...text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g)].map(([, path]) => join(dirname(file), path!));
}

test("docs/architecture.md draws no file into a way that none of the others there knows", () => {
  for (const { files } of drawnWays()) {
    const edges = files.flatMap((file) => importsOf(file).map((other) => [file, other] as const));
    // A driver of the store is known by the interface that it and its users import.
    const isKnown = (other: string) => files.includes(other) || STORE_INTERFACE.test(other);
    const alone = files.filter(
      (file) => !edges.some(([from, to]) => (from === file && isKnown(to)) || (to === file && from !== file)),
    );
    expect(alone).toEqual([]);
  }
});

test("the worked example is asked in process, over the socket and as a method, and is in the listing", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  await using node = await startNode(new MemoryNetwork(realClock), 1, {
    operations: nodeImplementations().add(EXAMPLE_OPERATIONS, EXAMPLE_IMPLEMENTATIONS),
  });
  await node.call(group_create, OPEN_GROUP);
  await using _server = await controlServer(path, node, { caller: "agent" });
  await using client = (await ControlClient.connectTo(path, realClock))!;
  const { moot_count } = EXAMPLE_OPERATIONS;
  expect(await node.call(moot_count, {})).toEqual({ moots: 1 });
  expect(await client.call(moot_count, {})).toEqual({ moots: 1 });
  expect(await methodsOf(client, EXAMPLE_OPERATIONS).moot_count({})).toEqual({ moots: 1 });
  const table = { ...OPERATIONS, ...EXAMPLE_OPERATIONS };
  expect(listOperations(table).find(({ name }) => name === "moot_count")).toMatchObject({
    scope: "agent",
    answer: { required: ["moots"] },
  });
});
