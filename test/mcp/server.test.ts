import { describe, expect, test } from "bun:test";
import { EntmootError } from "../../src/core/errors.ts";
import { GroupId } from "../../src/core/ids.ts";
import { TOOLS } from "../../src/mcp/tools/all-tools.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { asAgent } from "../support/agent.ts";
import { ERAS, mcpSession, textFrom } from "../support/mcp-client.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";

for (const era of ERAS) {
  describe(`${era} revision`, () => {
    test("the server says who it is, lists its tools with honest marks, and answers by schema", async () => {
      const node = await startNode(undefined, 1, { hostname: "oak" });
      const { group_id } = await node.call(group_create, { ...OPEN_GROUP, name: "council" });
      await using session = await mcpSession(async () => asAgent(node), { era });
      expect(session.client.getServerVersion()).toMatchObject({ name: "entmoot", version: "test" });
      expect(session.client.getNegotiatedProtocolVersion()).toBe(era === "modern" ? "2026-07-28" : "2025-11-25");
      expect(session.client.getInstructions()).toContain("never from your user");
      const { tools } = await session.client.listTools();
      expect(tools.map(({ name }) => name)).toEqual(TOOLS.map(({ name }) => name));
      for (const tool of tools) {
        const { onlyLooks } = TOOLS.find(({ name }) => name === tool.name)!;
        expect(tool.annotations?.readOnlyHint).toBe(onlyLooks);
        expect(tool.outputSchema?.type).toBe("object");
      }
      const { structuredContent } = await session.client.callTool({ name: "entmoot_groups", arguments: {} });
      expect(structuredContent).toMatchObject({
        groups: [{ id: GroupId.toBase64(group_id), name: "council", members: 1 }],
      });
      expect(await textFrom(session, "entmoot_members")).toMatch(/^@\d+( oak)? \(you, founder\)$/);
      expect(session.errors).toEqual([]);
      await node.close();
    });

    test("nothing but JSON-RPC is written", async () => {
      const node = await startNode(undefined, 1);
      await using session = await mcpSession(async () => asAgent(node), { era });
      await textFrom(session, "entmoot_status");
      await session.client.callTool({ name: "entmoot_members", arguments: {} });
      for (const line of session.written().trimEnd().split("\n"))
        expect(JSON.parse(line)).toMatchObject({ jsonrpc: "2.0" });
      await node.close();
    });
  });
}

const JUNK: Readonly<Record<string, string>> = {
  "no JSON": '{"jsonrpc":\n',
  "no request": '[]\n7\nnull\n{"jsonrpc":"2.0"}\n{"jsonrpc":"1.0","id":1,"method":"tools/list"}\n',
  "no text": `${Buffer.from([0xff, 0xfe, 0x00]).toString("latin1")}\n`,
  "an answer to nothing": '{"jsonrpc":"2.0","id":99,"result":{}}\n',
  "10 MB of no JSON": `${"x".repeat(10 * 1024 * 1024)}\n`,
  "10 MB of arguments": `${JSON.stringify({ jsonrpc: "2.0", id: "big", method: "tools/call", params: { name: "entmoot_send", arguments: { content: "x".repeat(10 * 1024 * 1024) } } })}\n`,
};
for (const [what, bytes] of Object.entries(JUNK)) {
  test(`a host that sends ${what} is answered what it asks afterwards`, async () => {
    const node = await startNode(undefined, 1);
    await node.call(group_create, OPEN_GROUP);
    await using session = await mcpSession(async () => asAgent(node), { era: "legacy" });
    session.send(bytes);
    expect(await textFrom(session, "entmoot_members")).toContain("(you, founder)");
    for (const line of session.written().trimEnd().split("\n")) expect(line.length).toBeLessThan(64 * 1024);
    expect(session.errors.every(({ message }) => message.length < 4_096)).toBe(true);
    await node.close();
  });
}

test("what is longer than a message may be is refused with how long one may be, and nothing is published", async () => {
  const node = await startNode(undefined, 1);
  const { group_id } = await node.call(group_create, OPEN_GROUP);
  await using session = await mcpSession(async () => asAgent(node));
  for (const [name, args] of [
    ["entmoot_send", {}],
    ["entmoot_reply", { id: "x".repeat(44) }],
  ] as const) {
    const content = "x".repeat(10 * 1024 * 1024);
    const answer = await session.client.callTool({ name, arguments: { ...args, content } });
    expect(answer.isError).toBe(true);
    expect(JSON.stringify(answer.content).length).toBeLessThan(4_096);
    expect(JSON.stringify(answer.content)).toMatch(/content.*(\d{5,}|MiB|bytes|length)/);
  }
  expect((await node.call(status, {})).groups.find((each) => each.group_id === group_id)!.messages).toBe(0);
  await node.close();
});

test("arguments are held to the schema, and what fits none is told as the tool's answer", async () => {
  const node = await startNode(undefined, 1);
  await using session = await mcpSession(async () => asAgent(node));
  for (const args of [{ group: 7 }, { groups: "x" }, { group: "x".repeat(257) }]) {
    const { content, isError } = await session.client.callTool({ name: "entmoot_members", arguments: args });
    expect(isError).toBe(true);
    expect(JSON.stringify(content)).toContain("Invalid arguments");
  }
  await expect(session.client.callTool({ name: "entmoot_nothing", arguments: {} })).rejects.toThrow("entmoot_nothing");
  await node.close();
});

test("a moot that is not meant clearly is told with those there are; a narrowed server knows one alone", async () => {
  const node = await startNode(undefined, 1);
  const one = await node.call(group_create, { ...OPEN_GROUP, name: "council" });
  await node.call(group_create, { ...OPEN_GROUP, name: "kitchen" });
  await using session = await mcpSession(async () => asAgent(node));
  await expect(textFrom(session, "entmoot_members")).rejects.toThrow(/2 moots are here; say which.*council.*kitchen/s);
  await expect(textFrom(session, "entmoot_members", { group: "cellar" })).rejects.toThrow("no moot here is called");
  expect(await textFrom(session, "entmoot_members", { group: "kitchen" })).toContain("founder");
  const id = GroupId.toBase64(one.group_id);
  for (const group of [id, id.replace(/=+$/, ""), one.group_id, ` ${id} `]) {
    expect(await textFrom(session, "entmoot_members", { group })).toContain("founder");
  }
  await using narrowed = await mcpSession(async () => asAgent(node), { only: one.group_id });
  expect(await textFrom(narrowed, "entmoot_groups")).toMatch(/^council [^\n]*$/);
  await expect(textFrom(narrowed, "entmoot_members", { group: "kitchen" })).rejects.toThrow('here are "council"');
  await node.close();
});

test("while no daemon answers each tool says so, and works once one does, without a new session", async () => {
  const node = await startNode(undefined, 1);
  let isUp = false;
  await using session = await mcpSession(async () => {
    if (isUp) return asAgent(node);
    throw new EntmootError("control_unavailable", "no Entmoot daemon listens; start it");
  });
  await expect(textFrom(session, "entmoot_status")).rejects.toThrow("no Entmoot daemon listens; start it");
  isUp = true;
  expect(await textFrom(session, "entmoot_status")).toContain("nothing is wrong");
  await node.close();
});

test("words of a founder in a moot's name steer and hide nothing", async () => {
  const node = await startNode(undefined, 1);
  await node.call(group_create, { ...OPEN_GROUP, name: "a\u202eb\u0007c\u{e0041}" });
  await using session = await mcpSession(async () => asAgent(node));
  const { content, structuredContent } = await session.client.callTool({ name: "entmoot_groups", arguments: {} });
  for (const text of [JSON.stringify(content), JSON.stringify(structuredContent)]) {
    expect(text).toContain("abc");
    expect(text).not.toMatch(/\\u202e|\u202e|\\u0007|\u{e0041}/u);
  }
  await node.close();
});
