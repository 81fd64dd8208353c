import { expect, test } from "bun:test";
import { join } from "node:path";
import { ControlClient } from "../../src/control/control-client.ts";
import { ControlServer } from "../../src/control/control-server.ts";
import type { Restart } from "../../src/control/handler.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { RunningProgram } from "../../src/host/running-program.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { startNode } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const PROGRAM: RunningProgram = {
  path: "/opt/x/entmootd",
  argv: ["entmoot", "serve", "-relay", "off"],
  cwd: "/tmp",
  env: ["HOME=/root", "EMPTY=", "ODD=a=b"],
};

/** A daemon on a control socket that can start again, or cannot. */
async function served(restart: Restart | undefined) {
  const directory = new TemporaryDirectory();
  const node = await startNode(new MemoryNetwork(realClock), 1);
  const path = join(directory.path, "control.sock");
  const log = createLog("error");
  const server = ControlServer.start({ path, node, log, ...(restart === undefined ? {} : { restart }) });
  const client = (await ControlClient.connect(directory.path))!;
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await node.close();
      directory[Symbol.dispose]();
    },
  };
}

test("a daemon tells how it was started, and goes on", async () => {
  let asked = 0;
  await using it = await served({ program: PROGRAM, request: () => (asked += 1) });
  expect(await it.client.program(PROGRAM.path)).toEqual({ ...PROGRAM, pid: process.pid });
  expect(asked).toBe(0);
  expect(await it.client.status()).toMatchObject({ running: true });
});

test("a daemon of another executable refuses to start again, and one that is no program cannot", async () => {
  let asked = 0;
  {
    await using it = await served({ program: PROGRAM, request: () => (asked += 1) });
    await expect(it.client.program("/opt/y/entmootd")).rejects.toMatchObject({ code: "conflict" });
    await expect(it.client.restart("/opt/y/entmootd")).rejects.toMatchObject({ code: "conflict" });
  }
  await using it = await served(undefined);
  await expect(it.client.restart(PROGRAM.path)).rejects.toMatchObject({ code: "unsupported" });
  expect(asked).toBe(0);
});

test("starting again is answered at once, and done only when the connection ends", async () => {
  let asked = 0;
  await using it = await served({ program: PROGRAM, request: () => (asked += 1) });
  await expect(it.client.restart(PROGRAM.path, 200)).rejects.toMatchObject({ code: "timeout" });
  expect(asked).toBe(1);
});
