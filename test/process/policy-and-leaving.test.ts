import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { version } from "../../src/node/operations/daemon.ts";
import { publish, type WatchEvent, watch } from "../../src/node/operations/messages.ts";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const linesOf = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

/** Three members of one moot; `oak` founded it. */
async function council(home: string, stack: AsyncDisposableStack) {
  const [oak, elm, ash] = ["oak", "elm", "ash"].map((name) => stack.use(new DaemonNode(home, name))) as [
    DaemonNode,
    DaemonNode,
    DaemonNode,
  ];
  for (const node of [oak, elm, ash]) await node.serve("-hostname", node.data.slice(-3));
  const { group_id } = await oak.ask(["group", "create", "-name", "council", "-policy", "none"]);
  const { link } = await oak.ask(["invite", "link"]);
  for (const node of [elm, ash]) await node.ask(["join", link]);
  await agree([oak, elm, ash]);
  const list = async (node: DaemonNode) => linesOf((await node.run(["roster", "list", "-json"])).stdout);
  const idOf = async (node: DaemonNode) => (await node.ask(["info"])).pilot_node_id;
  return { oak, elm, ash, group_id, list, idOf };
}

inNetns(import.meta, () => {
  test("a policy that is tightened is felt at another node, that was away, and after restarts; a rule is named with its time", async () => {
    using home = new TemporaryDirectory();
    await using stack = new AsyncDisposableStack();
    const { ash, elm, oak } = await council(home.path, stack);
    const draft = join(home.path, "draft");
    await Bun.write(draft, "a".repeat(9_000));
    await elm.ask(["publish", "-topic", "chat", "-file", draft]);
    await agree([oak, elm, ash], { messages: 1 });
    await elm.end();
    const set = await oak.ask(["policy", "set", "-preset", "standard", "-json"]);
    expect(set).toMatchObject({ published: true, policy_name: "standard", source: "preset:standard" });
    // Its founder is away when the other comes back: a third member brings it.
    await agree([oak, ash], { messages: 2 });
    await oak.end();
    await elm.serve();
    const stated = await eventually("the policy at elm", async () => {
      const state = await elm.ask(["group", "policy", "status", "-json"]);
      return state.policy_name === "standard" ? state : undefined;
    });
    expect(stated).toMatchObject({ sequence: set.sequence, message_id: set.message_id, founder: false });

    const refusedBy = async (args: readonly string[]) =>
      (await elm.ask(["policy", "explain", ...args, "-json"])).refused_by;
    const tooLong = async () => {
      const { status, stderr } = await elm.run(["publish", "-topic", "chat", "-file", draft]);
      expect({ status, stderr }).toEqual({ status: 5, stderr: expect.stringContaining("exceeds group max") });
      expect(await refusedBy(["-file", draft])).toBe("max_message_bytes");
    };
    await tooLong();
    {
      await using client = await elm.client();
      const say = { topics: ["chat"], content: new TextEncoder().encode("said") };
      for (let n = 0; n < 12; n++) await client.call(publish, say);
    }
    await Bun.write(draft, "short");
    const late = await elm.ask(["policy", "explain", "-file", draft, "-json"]);
    expect(late).toMatchObject({ state: "refused", refused_by: "message_rate_per_author", retry: "at" });
    expect((await elm.run(["publish", "-topic", "chat", "-content", "more"])).status).toBe(7);
    await elm.kill();
    await elm.serve();
    expect((await elm.run(["publish", "-topic", "chat", "-content", "more"])).status).toBe(7);
    await Bun.write(draft, "a".repeat(9_000));
    await tooLong();
    for (const args of [["set", "-preset", "none"], ["clear"]]) {
      expect(await elm.run(["policy", ...args])).toMatchObject({
        status: 2,
        stderr: expect.stringContaining("did not found this group; ask its founder"),
      });
    }
    // Without a daemon as with one.
    await elm.end();
    expect(await refusedBy(["-file", draft])).toBe("max_message_bytes");
    const cleared = await oak.ask(["policy", "clear", "-json"]);
    expect(cleared).toMatchObject({ published: true, effective_mode: "legacy", source: "clear" });
    await oak.serve();
    await elm.serve();
    await agree([oak, elm, ash]);
    await elm.ask(["publish", "-topic", "chat", "-file", draft]);
    await agree([oak, elm, ash], { messages: 16 });
  });

  test("a member that left while its founder was away is gone from the roster, and its moot from its node", async () => {
    using home = new TemporaryDirectory();
    await using stack = new AsyncDisposableStack();
    const { ash, elm, group_id, idOf, list, oak } = await council(home.path, stack);
    const elmId = await idOf(elm);
    await elm.ask(["publish", "-topic", "chat", "-content", "farewell"]);
    await agree([oak, elm, ash], { messages: 1 });
    await oak.end();
    const client = stack.use(await ash.client());
    const changes: WatchEvent[] = [];
    const watching = new AbortController();
    const watched = client.call(
      watch,
      { members: true },
      { signal: watching.signal, onEvent: (e) => void changes.push(e) },
    );
    watched.catch(() => {});
    // Answered behind the watch, which has begun by then.
    await client.call(version, {});
    expect(await elm.run(["group", "leave"])).toMatchObject({ status: 5, stderr: expect.stringContaining("say -yes") });
    const left = await elm.ask(["group", "leave", "-yes", "-wait", "1m"]);
    expect(left).toMatchObject({ event: "left", group_id, told: 1, removed: false });
    expect(await list(ash)).toContainEqual(
      expect.objectContaining({ node_id: elmId, hostname: "elm", status: "left", left_ms: left.left_ms }),
    );
    expect(await elm.run(["publish", "-topic", "chat", "-content", "more"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("this node left the moot at"),
    });
    expect((await oak.run(["group", "leave", "-yes"])).stderr).toContain("the founder cannot leave its moot");
    await elm.end();
    await oak.serve();
    const isGone = async (node: DaemonNode) =>
      (await list(node)).every(({ node_id }) => node_id !== elmId) ? true : undefined;
    await eventually("the removal at oak", () => isGone(oak));
    await eventually("the removal at ash", () => isGone(ash));
    expect(linesOf((await ash.run(["roster", "history", "-json", "-limit", "1"])).stdout)).toMatchObject([
      { op: "remove", node_id: elmId, hostname: "elm", left_ms: left.left_ms },
    ]);
    expect((await oak.run(["roster", "history", "-limit", "1"])).stdout).toContain("(it had left at ");
    await eventually("both events at ash", async () => changes.length === 2 || undefined);
    expect(changes).toMatchObject([
      { kind: "peer", event: "leaves", node_id: elmId },
      { kind: "peer", event: "left", node_id: elmId },
    ]);
    watching.abort();

    await elm.serve();
    await eventually("the removal at elm", async () =>
      (await elm.ask(["info"])).groups[0].removed ? true : undefined,
    );
    const looked = await elm.ask(["doctor", "-json"]);
    expect(looked.groups[0].checks).toContainEqual(
      expect.objectContaining({
        layer: "membership",
        state: "noted",
        diagnosis: "left_for_good",
        next_command: expect.stringContaining("group forget -group"),
      }),
    );
    const forgotten = await elm.ask(["group", "forget", "-yes"]);
    expect((await elm.run(["group", "list"])).stdout).toBe("");
    expect(readdirSync(join(elm.data, "groups"))).toEqual([]);
    await elm.end();
    expect(await elm.run(["group", "list"])).toMatchObject({ status: 0, stdout: "" });
    // The copy is the moot, as it was.
    expect(dirname(forgotten.kept_at)).toBe(join(elm.data, "exports"));
    expect((await elm.run(["import", forgotten.kept_at])).status).toBe(0);
    expect(linesOf((await elm.run(["query"])).stdout)).toMatchObject([{ content: "farewell" }]);
  });

  test("a name is taken on a terminal alone, once the key behind it was shown", async () => {
    using home = new TemporaryDirectory();
    await using stack = new AsyncDisposableStack();
    const { elm, list, oak } = await council(home.path, stack);
    const { entmoot_pubkey, pilot_node_id } = await elm.ask(["info"]);
    await eventually("the name of elm at oak", async () =>
      (await list(oak)).find(({ hostname }) => hostname === "elm"),
    );
    const refused = await oak.run(["roster", "remove", "-member", "elm"]);
    expect(refused).toMatchObject({
      status: 5,
      stderr: expect.stringContaining(`node ${pilot_node_id}, key ${entmoot_pubkey}`),
    });
    for (const [answer, members] of [
      ["n", 3],
      ["y", 2],
    ] as const) {
      await using terminal = oak.onTerminal(["roster", "remove", "-member", "elm"]);
      await terminal.saw(entmoot_pubkey);
      await terminal.saw("remove it? [y/N]");
      terminal.type(`${answer}\r`);
      await terminal.saw(answer === "y" ? '"removed"' : "name it by its whole key");
      expect(await list(oak)).toHaveLength(members);
    }
  });
});
