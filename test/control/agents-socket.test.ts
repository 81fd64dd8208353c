import { describe, expect, test } from "bun:test";
import { controlledNode } from "../support/control.ts";
import { ask, exchange, frameBytes, operationFrame, replies, saidBy } from "../support/raw-control.ts";

describe("an agents' socket", () => {
  test("refuses what is the owner's, and goes on with what is not", async () => {
    await using it = await controlledNode({ caller: "agent" });
    using connection = await it.connect();
    expect(saidBy(await ask(connection, operationFrame("stop", {})))).toMatchObject({
      role: "failure",
      json: { code: "forbidden", message: "stop: not for agents; ask over the owner's control socket" },
    });
    expect(saidBy(await ask(connection, operationFrame("version", {})))).toMatchObject({ role: "answer" });
  });

  test("refuses the original's frames in words, and closes", async () => {
    await using it = await controlledNode({ caller: "agent" });
    for (const [type, kind] of [
      [0x14, "info_req"],
      [0x1f, "error"],
    ] as const) {
      const body = type === 0x14 ? "" : '{"type":"error","code":"X","message":""}';
      expect(replies(await exchange(it.path, frameBytes(type, body)))).toEqual([
        {
          kind: "error",
          type: "error",
          code: "INVALID_ARGUMENT",
          group_id: undefined,
          message: `${kind}: not for agents; ask over the owner's control socket`,
        },
      ]);
    }
  });
});
