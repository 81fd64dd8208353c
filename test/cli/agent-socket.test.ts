import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { GroupId } from "../../src/core/ids.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { cli, linesOf, startCli } from "../support/cli.ts";
import { controlServer } from "../support/control.ts";
import { liveDaemon } from "../support/live-daemon.ts";
import { OPEN_GROUP, until } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A daemon somewhere, and an agent at home elsewhere that was given nothing but its socket. */
async function agentsWorld() {
  const daemon = await liveDaemon();
  const home = new TemporaryDirectory();
  const socket = join(home.path, "given.sock");
  const server = await controlServer(socket, daemon.node, { caller: "agent" });
  const { group_id } = await daemon.node.call(group_create, OPEN_GROUP);
  const env = { ENTMOOT_AGENT_SOCKET: socket };
  return {
    node: daemon.node,
    dataDir: daemon.dataDir,
    group: GroupId.toBase64(group_id),
    home: home.path,
    socket,
    run: (...args: string[]) => cli(home.path, args, { env }),
    start: (...args: string[]) => startCli(home.path, args, { env }),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await daemon[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
}

test("an agent publishes, queries, looks and follows over its socket, and leaves nothing at its home", async () => {
  await using it = await agentsWorld();
  const published = await it.run("publish", "-topic", "chat", "-content", "from the agent");
  expect(published).toMatchObject({ stderr: "", exit: 0 });
  expect((await it.run("query")).json()).toMatchObject([{ content: "from the agent", seq: 1 }]);
  const [info] = (await it.run("info")).json();
  expect(info).toMatchObject({ running: true, groups: [{ group_id: it.group, messages: 1 }] });
  // What describes the machine is the owner's.
  expect(Object.keys(info!)).toEqual([
    "pilot_node_id",
    "entmoot_pubkey",
    "groups",
    "running",
    "version",
    "started_at_ms",
    "transport",
  ]);
  expect(info!.transport).toEqual({ carrier: "memory" });
  const called = await it.run("call", "status");
  expect(called.json()).toMatchObject([{ pid: 0, transport: { carrier: "memory" } }]);
  for (const { stdout } of [called, await it.run("info"), await it.run("call", "version")]) {
    for (const secret of [it.dataDir, "1004", `"pid":${process.pid}`]) expect(stdout).not.toContain(secret);
  }
  const tail = it.start("tail", "-n", "-1");
  const lines = linesOf(tail.stdout);
  const next = async () => JSON.parse((await lines.next()).value as string).content;
  expect(await next()).toBe("from the agent");
  await it.node.call(publish, { topics: ["chat"], content: encodeUtf8("to the agent") });
  expect(await next()).toBe("to the agent");
  tail.kill("SIGTERM");
  expect(await tail.exited).toBe(0);
  expect(existsSync(join(it.home, ".entmoot"))).toBe(false);
});

test("a data root that is named beside an agents' socket is refused, not passed over", async () => {
  await using it = await agentsWorld();
  for (const flag of ["-data", "-identity"]) {
    const refused = await it.run(flag, "/nonexistent", "query");
    expect(refused.exit).toBe(5);
    expect(refused.stderr).toContain(`${flag}: ENTMOOT_AGENT_SOCKET is set`);
  }
});

test("what is the owner's is refused to an agent, in words that say how to be the owner", async () => {
  await using it = await agentsWorld();
  const key = new Uint8Array(32).fill(7).toBase64();
  await Bun.write(join(it.home, "invite.json"), "{}");
  const overSocket: string[][] = [
    ["group", "create", "-name", "x"],
    ["roster", "add", "-group", it.group, "-pubkey", key],
    ["roster", "remove", "-group", it.group, "-pubkey", key],
    ["invite", "create", "-group", it.group],
    ["invite", "link", "-group", it.group],
    ["invite", "list", "-group", it.group],
    ["invite", "revoke", "-group", it.group, "-id", "0123456789abcdef"],
    ["peers", "-group", it.group],
    ["stop"],
  ];
  const itself: string[][] = [["serve"], ["up"], ["update", "-check"]];
  const refused = await Promise.all(
    [...overSocket, ...itself].map(async (args) => [args, await it.run(...args)] as const),
  );
  for (const [args, { exit, stderr, stdout }] of refused) {
    expect([args.join(" "), stdout, exit]).toEqual([args.join(" "), "", 5]);
    expect(stderr).toContain("ENTMOOT_AGENT_SOCKET");
    expect(stderr).toContain("unset");
  }
  expect((await it.node.call(status, {})).groups).toMatchObject([{ members: 1 }]);
  expect(existsSync(join(it.home, ".entmoot"))).toBe(false);
});

test("an agent's message under what nodes say to nodes is refused with the next step", async () => {
  await using it = await agentsWorld();
  const refused = await it.run("publish", "-topic", "_entmoot/policy", "-content", "x");
  expect(refused.stderr).toContain('topic "_entmoot/policy": reserved; an agent publishes to any other');
  expect(refused).toMatchObject({ stdout: "", exit: 5 });
  const asJson = await it.run("-json-errors", "publish", "-topic", "_entmoot", "-content", "x");
  expect(JSON.parse(asJson.stderr)).toMatchObject({ error: { code: "forbidden" } });
});

test("an agents' socket behind which nobody listens is named, and no data root is looked at instead", async () => {
  await using it = await liveDaemon();
  await it.node.call(group_create, OPEN_GROUP);
  const socket = join(it.home, "nobody.sock");
  const env = { ENTMOOT_AGENT_SOCKET: socket };
  for (const args of [["info"], ["query"], ["tail"], ["publish", "-topic", "a", "-content", "b"]]) {
    const refused = await cli(it.home, args, { env });
    expect(refused.stderr).toContain(`no Entmoot daemon listens on ${socket}, which ENTMOOT_AGENT_SOCKET names`);
    expect(refused).toMatchObject({ stdout: "", exit: 6 });
  }
  await until(() => it.clients() === 0);
});
