import { expect, test } from "bun:test";
import { join } from "node:path";
import { GroupId } from "../../src/core/ids.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { encodeControlFrame } from "../../src/wire/control/control-frame.ts";
import { DaemonNode } from "../support/daemon.ts";
import { identity } from "../support/identity.ts";
import { LARGE_MOOT, layLargeMoot } from "../support/large-moot.ts";
import { inNetns } from "../support/netns.ts";
import { anonymousBytes } from "../support/process-memory.ts";
import { operationFrame } from "../support/raw-control.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** What the whole program may hold, whatever is done to it. */
const CEILING_BYTES = 400_000_000;
const PUBLISHES = 150;

/** Everything that is asked at once over the agents' socket, on so many connections each. */
const ASKED = [
  { connections: 20, calls: 56, operation: "messages", request: { limit: 1000 } },
  { connections: 20, calls: 48, operation: "messages", request: { limit: 1000, by: "arrival", wait_ms: 60_000 } },
  { connections: 12, calls: 16, operation: "backlog", request: { last: 10_000 } },
  { connections: 10, calls: 1, operation: "publish", request: { topics: ["a"], content: "A".repeat(15_000_000) } },
] as const;

/** A client that asks and never reads. */
function greedy(path: string, bytes: readonly Uint8Array[]) {
  const left = [...bytes];
  const write = (socket: { write(bytes: Uint8Array): number }) => {
    while (left.length > 0) {
      const written = socket.write(left[0]!);
      if (written < left[0]!.length) {
        left[0] = left[0]!.subarray(Math.max(0, written));
        return;
      }
      left.shift();
    }
  };
  return Bun.connect({
    unix: path,
    socket: {
      open(socket) {
        socket.pause();
        write(socket);
      },
      drain: write,
      data() {},
      error() {},
    },
  });
}

inNetns(import.meta, () => {
  test("whoever holds the agents' socket makes a daemon hold no more than its ceiling, and the owner is served", async () => {
    using home = new TemporaryDirectory();
    await using node = new DaemonNode(home.path, "root");
    layLargeMoot(node.data, { founder: identity(1), members: [], messages: 12_000, silent: 0 });
    await node.serve("-log-level", "error");
    await using client = await node.client();
    const said = { group_id: LARGE_MOOT, topics: ["chat"], content: new Uint8Array(100) };
    // Two of them fill a page.
    for (let n = 0; n < 4; n += 1) await client.call(publish, { ...said, content: new Uint8Array(600_000) });
    const group_id = GroupId.toBase64(LARGE_MOOT);
    const sockets = await Promise.all(
      ASKED.flatMap(({ calls, connections, operation, request }) => {
        const frames = Array.from({ length: calls }, (_, call) =>
          encodeControlFrame(operationFrame(operation, { group_id, ...request }, { call })),
        );
        return Array.from({ length: connections }, () => greedy(join(node.data, "agent.sock"), frames));
      }),
    );
    for (let n = 0; n < PUBLISHES; n += 1) {
      await client.call(publish, said);
      expect(anonymousBytes(node.daemon.pid)).toBeLessThan(CEILING_BYTES);
    }
    for (const socket of sockets) socket.terminate();
  });
});
