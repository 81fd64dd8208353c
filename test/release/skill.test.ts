import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { COMMANDS } from "../../src/cli/line/command-table.ts";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const SKILL = readFileSync(resolve(import.meta.dir, "../../src/skills/entmoot/SKILL.md"), "utf8");

/** The command lines of the skill in their order, without `entmootd`, split as a shell does for such simple ones. */
const LINES = [...SKILL.matchAll(/^```sh\n([\s\S]*?)^```$/gm)]
  .flatMap(([, block]) => block!.trim().split("\n"))
  .map((line) => {
    const [program, ...args] = line.split(" ").map((word) => word.replace(/^'(.*)'$/, "$1"));
    if (program !== "entmootd") throw new Error(`expected a line that begins with entmootd, found ${line}`);
    return args;
  });

test("the skill names only commands that exist, in its prose too", () => {
  const named = [...SKILL.matchAll(/`entmootd ([a-z-]+)/g)].map(([, command]) => command!);
  for (const command of [...LINES.map(([command]) => command!), ...named])
    expect(Object.keys(COMMANDS)).toContain(command);
  expect(LINES.length).toBeGreaterThan(12);
  expect(SKILL).toStartWith("---\nname: entmoot\n");
});

/** Values that stand within a word. */
const PARTS = new Set(["MESSAGE_ID", "MEMBER"]);

/** The other member, whose daemon runs from then on, says something to the agent. */
async function hearFrom(other: DaemonNode, agent: DaemonNode, values: Map<string, string>): Promise<void> {
  await other.serve();
  await agree([agent, other]);
  values.set("MEMBER", `${(await other.group()).local_node_id}`);
  const content = `@${(await agent.group()).local_node_id} hello`;
  const { message_id } = await other.ask(["publish", "-topic", "chat", "-content", content]);
  values.set("MESSAGE_ID", message_id);
  await agent.ask(["inbox", "-asks", "-json", "-wait", "1m"]);
}

inNetns(import.meta, () => {
  test("every command line of the skill does what it says, one after the other", async () => {
    using home = new TemporaryDirectory();
    // A port where nothing listens: what `update` makes of a feed is shown elsewhere.
    const env = { ENTMOOT_UPDATE_URL: "http://127.0.0.1:9/" };
    await using agent = new DaemonNode(join(home.path, "agent"), "root", { env });
    await using other = new DaemonNode(join(home.path, "other"), "root", { env });
    const values = new Map([
      ["NAME", "council"],
      ["TEXT", "hello"],
    ]);
    const ran: string[] = [];
    for (const line of LINES) {
      if (line[0] === "inbox" && !values.has("MESSAGE_ID")) await hearFrom(other, agent, values);
      const args = line.map(
        (word) =>
          values.get(word) ?? [...PARTS].reduce((all, name) => all.replace(name, values.get(name) ?? name), word),
      );
      const command = args.slice(0, 2).join(" ");
      ran.push(command);
      if (args[0] === "serve") {
        expect(await agent.serve()).toMatchObject({ event: "serving" });
      } else if (args[0] === "tail") {
        const tail = agent.spawn(args);
        expect(await tail.json({ content: "hello" })).toMatchObject({ topic: ["chat"] });
        await tail[Symbol.asyncDispose]();
      } else if (args[0] === "ask") {
        const asking = agent.spawn(args);
        const question = await eventually("the question", async () => {
          const { stdout } = await other.run(["inbox", "-json", "-asks"]);
          return stdout.split("\n").find((text) => text.includes("hello"));
        });
        await other.ask(["reply", JSON.parse(question).message_id, "-content", "an answer"]);
        expect(await asking.ended()).toMatchObject({ status: 0, stdout: "an answer\n" });
      } else if (args[0] === "update") {
        const { status, stderr } = await agent.run(args);
        expect(stderr).not.toMatch(/unknown|unexpected/);
        expect([0, 1, 5]).toContain(status);
      } else {
        const node = args[0] === "join" ? other : agent;
        const { status, stdout, stderr } = await node.run(args, args.includes("-") ? { stdin: "a plan\n" } : {});
        expect({ command, status, stderr: status === 0 ? "" : stderr }).toEqual({ command, status: 0, stderr: "" });
        if (command === "group create") values.set("GID", JSON.parse(stdout).group_id);
        if (command === "invite link") values.set("LINK", JSON.parse(stdout).link);
        if (args[0] === "join") expect(JSON.parse(stdout)).toMatchObject({ status: "joined" });
        if (args[0] === "query") expect(stdout).toContain("a plan");
      }
    }
    expect(ran).toContain("publish -group");
    expect(await agent.daemon.ended()).toMatchObject({ status: 0 });
  });
});
