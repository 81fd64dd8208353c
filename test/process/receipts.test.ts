import { expect, test } from "bun:test";
import { agree, DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  test("the sender sees what became of its message, also after both daemons restarted, until the founder switches it off", async () => {
    using home = new TemporaryDirectory();
    await using oak = new DaemonNode(home.path, "oak");
    await using elm = new DaemonNode(home.path, "elm");
    await oak.serve("-hostname", "oak");
    await elm.serve("-hostname", "elm");
    const { group_id } = await oak.ask(["group", "create", "-name", "council", "-policy", "none"]);
    await elm.ask(["join", (await oak.ask(["invite", "link"])).link]);
    await agree([oak, elm]);
    await elm.run(["inbox"]);
    const { message_id } = await oak.ask(["publish", "-topic", "chat", "-content", "@elm are you there?"]);
    const stateIs = (state: string) =>
      eventually(`${state} at oak`, async () => {
        const [reader] = (await oak.ask(["receipts", message_id, "-json"])).readers;
        return reader?.state === state ? reader : undefined;
      });
    expect(await stateIs("nobody")).toMatchObject({ hostname: "elm", since_ms: expect.any(Number) });
    const text = (await oak.run(["receipts", message_id.slice(0, 8)])).stdout;
    expect(text).toMatch(
      / in council: @elm are you there\?\n {4}elm \(node \d+\): no agent is woken there since \S+Z; it is seen when its inbox is read\n$/,
    );
    await elm.run(["read", message_id]);
    await stateIs("read");

    for (const node of [oak, elm]) await node.ask(["stop"]);
    expect((await oak.ask(["receipts", message_id, "-json"])).readers).toMatchObject([{ state: "read" }]);
    for (const node of [oak, elm]) await node.serve("-hostname", node === oak ? "oak" : "elm");
    await elm.run(["reply", message_id, "-content", "yes"]);
    const { done_ms } = await stateIs("answered");
    expect(done_ms).toBeGreaterThan(0);
    expect((await oak.run(["thread", message_id])).stdout).toMatch(/\n {4}elm \(node \d+\) has answered it at \S+Z\n/);

    const off = await oak.run(["receipts", "-moot", "off"]);
    expect(off).toMatchObject({ status: 5, stderr: expect.stringContaining("expected -group beside them") });
    expect(await oak.ask(["receipts", "-moot", "off", "-group", group_id])).toMatchObject({
      send: true,
      moots: [{ group_id, receipts: false, presence: true, founder: true }],
    });
    const refused = await elm.run(["receipts", "-moot", "on", "-group", group_id]);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("ask its founder, node ") });
    await eventually("nothing is kept at elm", async () => {
      const { moots } = await elm.ask(["receipts", "-presence", "off"]);
      return moots[0].receipts ? undefined : true;
    });
    expect((await oak.ask(["receipts", message_id, "-json"])).readers[0].state).not.toBe("answered");
  });
});
