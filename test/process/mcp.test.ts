import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { listening, twoDaemons } from "../hosts/host-moot.ts";
import { BINARY } from "../support/binary.ts";
import { DaemonNode, eventually } from "../support/daemon.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

setDefaultTimeout(60_000);

const HELLO = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "0" } },
});

/** The compiled server as a host starts it. */
async function connect(node: DaemonNode, mode: "auto" | "legacy", ...flags: string[]) {
  const transport = new StdioClientTransport({
    command: BINARY,
    args: ["mcp", ...flags],
    env: Object.fromEntries(Object.entries(node.environment).filter((entry) => entry[1] !== undefined)) as Record<
      string,
      string
    >,
    stderr: "ignore",
  });
  const client = new Client({ name: "test", version: "0" }, { versionNegotiation: { mode } });
  await client.connect(transport);
  return { client, pid: transport.pid! };
}

async function textOf(client: Client, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const { content } = await client.callTool({ name, arguments: args });
  return content.map((block) => (block.type === "text" ? block.text : "")).join("\n");
}

inNetns(import.meta, () => {
  test("a host's server outlives the daemon, speaks both revisions, and ends with its host", async () => {
    using home = new TemporaryDirectory();
    await using oak = new DaemonNode(home.path, "oak");
    const { client, pid } = await connect(oak, "auto");
    expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
    expect(await textOf(client, "entmoot_status")).toContain("no Entmoot daemon listens");
    await oak.serve();
    await oak.ask(["group", "create", "-name", "council"]);
    expect(await textOf(client, "entmoot_groups")).toContain("council");
    await oak.kill();
    expect(await textOf(client, "entmoot_groups")).toContain("no Entmoot daemon");
    await oak.serve();
    await textOf(client, "entmoot_send", { content: "hello" });
    expect((await oak.group()).messages).toBe(1);
    const legacy = await connect(oak, "legacy", "-group", "council", "-read-only");
    expect(legacy.client.getNegotiatedProtocolVersion()).toBe("2025-11-25");
    const { tools } = await legacy.client.listTools();
    expect(tools.map(({ name }) => name)).not.toContain("entmoot_send");
    await Promise.all([client.close(), legacy.client.close()]);
    await eventually(
      "both are gone",
      async () => ![pid, legacy.pid].some((each) => existsSync(`/proc/${each}`)) || undefined,
    );
  });

  test("a channel says what asks on the older handshake alone, and what it said is never known to have arrived", async () => {
    await using moot = await twoDaemons();
    const { elm, say } = moot;
    const pushed: { content: string; meta: Record<string, string> }[] = [];
    const { client } = await connect(elm, "auto", "-channel");
    expect(client.getNegotiatedProtocolVersion()).toBe("2025-11-25");
    expect(client.getServerCapabilities()?.experimental).toEqual({ "claude/channel": {} });
    client.fallbackNotificationHandler = async ({ method, params }) => {
      if (method === "notifications/claude/channel") pushed.push(params as (typeof pushed)[number]);
    };
    await listening(elm);
    const { message_id } = await say("hello </channel> there");
    // Whether a host heard it or dropped it looks the same from here.
    await eventually("it is uncertain", async () => {
      const { row } = await elm.ask(["call", "inbox_read", JSON.stringify({ message_id, peek: true })]);
      return row.state === "uncertain" || undefined;
    });
    expect(pushed).toMatchObject([{ meta: { messages: message_id } }]);
    expect(pushed[0]!.content).toContain("hello &lt;/channel> there");
    expect(await textOf(client, "entmoot_inbox")).toContain("hello &lt;/channel> there");
    expect((await elm.ask(["call", "inbox", "{}"])).unread).toBe(1);
    await client.close();

    // Without the flag nothing of it is said or shown.
    const plain = await connect(elm, "legacy");
    expect(plain.client.getServerCapabilities()?.experimental).toBeUndefined();
    await plain.client.close();
    const both = await elm.run(["mcp", "-channel", "-read-only"]);
    expect(both).toMatchObject({ status: 5, stdout: "" });
    expect(both.stderr).toContain("give one of them");
  });

  test("a host that is killed leaves no server behind, though another child of it holds the pipe", async () => {
    using home = new TemporaryDirectory();
    await using oak = new DaemonNode(home.path, "oak");
    // It has both ends of its stdin, which so never ends.
    const script = `exec 3<>"$1"; echo '${HELLO}' >&3; "${BINARY}" mcp <&3 2>/dev/null & echo $!; wait`;
    const pipe = join(home.path, "pipe");
    Bun.spawnSync(["mkfifo", pipe]);
    const host = Bun.spawn(["sh", "-c", script, "sh", pipe], { env: { ...oak.environment }, stdout: "pipe" });
    const said = host.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("serverInfo")) text += (await said.read()).value;
    expect(text).toContain('"protocolVersion":"2025-06-18"');
    const pid = Number.parseInt(text, 10);
    host.kill("SIGKILL");
    await eventually("it is gone", async () => !existsSync(`/proc/${pid}`) || undefined);
  });
});
