import { expect, test } from "bun:test";
import { inNetns } from "../../support/netns.ts";
import { StubModel } from "./stub-model.ts";

inNetns(import.meta, () => {
  test("a conversation that goes on while another one searches for a tool takes nothing from it", async () => {
    using model = new StubModel();
    model.answer(" count ", { call: "entmoot_reply", with: { content: "pear" } }, 9);
    const said = async (path: string, body: object) => {
      const answer = await fetch(`${model.url}${path}`, { method: "POST", body: JSON.stringify(body) });
      return await answer.text();
    };
    const tools = [{ name: "ToolSearch" }];
    const asked = { role: "user", content: "it is count 1" };
    expect(await said("/v1/messages", { tools, messages: [asked] })).toContain("ToolSearch");

    const other = await said("/v1/responses", {
      tools: [{ type: "function", name: "entmoot_reply" }],
      input: [{ type: "message", role: "user", content: [{ type: "input_text", text: "of something else" }] }],
    });
    expect(other).toContain("ok");
    expect(other).not.toContain("pear");

    const searching = { type: "tool_use", id: "1", name: "ToolSearch", input: { query: "entmoot_reply" } };
    const found = { type: "tool_reference", tool_name: "mcp__entmoot__entmoot_reply" };
    const messages = [
      asked,
      { role: "assistant", content: [searching] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "1", content: [found] }] },
    ];
    expect(await said("/v1/messages", { tools, messages })).toContain("pear");
  });
});
