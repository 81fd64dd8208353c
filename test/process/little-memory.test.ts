import { expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { status } from "../../src/node/operations/daemon.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { DaemonNode } from "../support/daemon.ts";
import { MemoryLimit, memoryLimitMissing } from "../support/memory-limit.ts";
import { inNetns } from "../support/netns.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

inNetns(import.meta, () => {
  // Few machines permit it, whatever else they do: no reason to fail where everything must run.
  test.skipIf(memoryLimitMissing() !== undefined)(
    "with 128 MiB of memory and three hundred idle clients a daemon stores and reads five megabytes",
    async () => {
      using home = new TemporaryDirectory();
      using limit = new MemoryLimit(128 * 1024 * 1024);
      await using node = new DaemonNode(home.path, "a", { command: limit.command });
      await node.serve();
      await using asking = new DaemonNode(home.path, "a");
      await asking.ask(["group", "create", "-name", "council", "-policy", "none"]);
      const idle: Socket[] = [];
      try {
        for (let n = 0; n < 300; n++) {
          const socket = connect({ path: join(node.data, "control.sock") });
          socket.on("error", () => {}); // It was shown the door.
          idle.push(socket);
        }
        await using client = await asking.client();
        const content = new Uint8Array(100_000).fill(0x78);
        for (let n = 0; n < 50; n++) await client.call(publish, { topics: ["chat"], content });
        const { stdout } = await asking.run(["query", "-limit", "0"]);
        expect(stdout.match(/"content":/g)).toHaveLength(50);
        expect((await client.call(status, {})).groups).toMatchObject([{ messages: 50 }]);
      } finally {
        for (const socket of idle) socket.destroy();
      }
      expect(await asking.ask(["env", "-json"])).toMatchObject({ runtime_status: "healthy" });
      await node.end();
      expect(limit.killed).toBe(0);
    },
  );
});
