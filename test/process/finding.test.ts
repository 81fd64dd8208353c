import { expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { DaemonNode } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { OPEN_GROUP } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What would steer a terminal, be markup in a picture, turn a line or be run by a shell, around a word to be found. */
const HOSTILE = "x\u001b]0;own\u0007<script>alert(1)</script>&\"'\u202e$(id)`id`;\u009b2J\ud83d\ude00";
const SAID = `needle ${HOSTILE} ${"𝒳".repeat(800)}`;
const TOPIC = `a/${HOSTILE}`;
const STEERS = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u;

inNetns(import.meta, () => {
  test("what is found and counted in words of a hostile author steers nothing, with a daemon and without", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await a.serve();
    {
      await using client = await a.client();
      // The command refuses such a name; another's may come from anywhere.
      await client.call(group_create, { ...OPEN_GROUP, name: `council ${HOSTILE}` });
      for (const [content, topics] of [
        ["before", ["chat"]],
        [SAID, [TOPIC, "chat"]],
        ["after", ["chat"]],
      ] as const) {
        await client.call(publish, { topics: [...topics], content: new TextEncoder().encode(content) });
      }
    }
    const beside = await looks(a, home.path);
    await a.end();
    expect(await looks(a, home.path)).toEqual(beside);
  });
});

/** What each command says, held to what may reach a terminal. */
async function looks(node: DaemonNode, folder: string) {
  const said = async (...args: string[]) => {
    const { status, stderr, stdout } = await node.run(args);
    expect({ args, status, stderr }).toEqual({ args, status: 0, stderr });
    expect({ args, steers: STEERS.exec((stdout + stderr).replaceAll("\n", ""))?.[0] }).toEqual({
      args,
      steers: undefined,
    });
    return {
      stderr,
      stdout,
      json: () =>
        stdout
          .trimEnd()
          .split("\n")
          .map((line) => JSON.parse(line)),
    };
  };

  const [found] = (await said("search", "needle", "-json")).json();
  expect(found).toMatchObject({ content: SAID, topic: [TOPIC, "chat"] });
  expect(found.snippet.isWellFormed()).toBe(true);
  expect(found.snippet).toStartWith("[needle] ");
  expect((await said("search", "NEEDLE", "-topic", TOPIC)).stdout).toContain("[needle]");
  // Words are words, whatever stands around them; none of these has all of them in a message.
  for (const query of ['needle" OR *', "needle NEAR(needle, 1)", "terms:needle", "'; DROP TABLE messages; --"]) {
    expect({ query, found: (await said("search", query)).stdout }).toEqual({ query, found: "" });
  }
  expect(await said("search", "nowhere")).toMatchObject({
    stdout: "",
    stderr: expect.stringMatching(/^search: nothing found; .*topics" lists/),
  });
  const bounded = await said("search", "needle", "-topic", "chit", "-since", "1h");
  expect([bounded.stdout, bounded.stderr]).toEqual(["", expect.stringContaining("without -topic, -since")]);
  expect(await said("search", "nowhere", "-json")).toMatchObject({ stdout: "", stderr: "" });

  const context = (await said("context", found.message_id.slice(0, 8), "-older", "1", "-newer", "1", "-json")).json();
  expect(context.map(({ content }) => content)).toEqual(["before", SAID, "after"]);
  const around = (await said("context", found.message_id, "-older", "0", "-newer", "1")).stdout;
  expect(around).toMatch(/^> /);
  expect(around).toContain("after");

  const topics = (await said("topics", "-json")).json();
  expect(topics.map(({ messages, topic }) => [messages, topic])).toEqual([
    [3, "chat"],
    [1, TOPIC],
  ]);
  expect((await said("topics")).stdout.split("\n")).toHaveLength(3);

  const svg = join(folder, "counts.svg");
  const table = (await said("stats", "-svg", svg)).stdout;
  expect(table).toContain("3 messages");
  const [counts] = (await said("stats", "-json")).json();
  expect(counts).toMatchObject({ messages: 3, members: 1, topics: [{ topic: "chat", messages: 3 }, { topic: TOPIC }] });
  const picture = readFileSync(svg, "utf8");
  expect(picture.replaceAll("\n", "")).not.toMatch(STEERS);
  expect(new Set([...picture.matchAll(/<\/?([a-z]+)/g)].map(([, name]) => name))).toEqual(
    new Set(["svg", "title", "rect", "text", "line"]),
  );
  expect(statSync(svg).mode & 0o777).toBe(0o644);
  return { found, context, topics, counts, table };
}
