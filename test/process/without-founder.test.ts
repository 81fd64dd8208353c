import { expect, test } from "bun:test";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  test("members who joined through the founder talk without it, also after they restart", async () => {
    using home = new TemporaryDirectory();
    await using a = new DaemonNode(home.path, "a");
    await using b = new DaemonNode(home.path, "b");
    await using c = new DaemonNode(home.path, "c");
    await Promise.all([a.serve("-hostname", "oak"), b.serve("-hostname", "ash"), c.serve("-hostname", "elm")]);
    const { group_id } = await a.ask(["group", "create", "-name", "council", "-policy", "none"]);
    const { link } = await a.ask(["invite", "link", "-group", group_id]);
    for (const node of [b, c]) await node.ask(["join", link]);
    const { local_node_id: idOfB } = await b.group();
    const { local_node_id: idOfC } = await c.group();
    for (const [node, other, name] of [
      [b, idOfC, "elm"],
      [c, idOfB, "ash"],
    ] as const) {
      await eventually(`${node.data} knows ${name}`, async () => {
        const { stdout } = await node.run(["peers", "-group", group_id]);
        const row = stdout.split("\n").find((line) => line.startsWith(`${other}`));
        return row?.includes(name) && !row.includes("missing") ? row : undefined;
      });
    }
    await a.kill();
    await b.ask(["publish", "-topic", "chat", "-content", "is anybody there"]);
    await agree([b, c], { messages: 1 });
    await Promise.all([b.kill(), c.kill()]);
    for (const node of [c, b]) await node.serve();
    await c.ask(["publish", "-topic", "chat", "-content", "still here"]);
    await agree([b, c], { messages: 2 });
    await a.serve();
    await agree([a, b, c], { messages: 2 });
    expect((await a.group()).members).toBe(3);
  });
});
