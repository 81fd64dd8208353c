import { expect, test } from "bun:test";
import { ControlClient } from "../../src/control/control-client.ts";
import type { RunningProgram } from "../../src/host/running-program.ts";
import type { NodeParts } from "../../src/node/entmoot-node.ts";
import { program, restart, status, stop, version } from "../../src/node/operations/daemon.ts";
import { controlledNode } from "../support/control.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { until } from "../support/nodes.ts";

const PROGRAM: RunningProgram = {
  path: "/opt/x/entmootd",
  argv: ["entmoot", "serve", "-relay", "off"],
  cwd: "/tmp",
  env: ["HOME=/root", "EMPTY=", "ODD=a=b"],
};

/** A daemon that can start again, or cannot, and a client of it whose clock stands still. */
async function served(parts: Pick<NodeParts, "onStop" | "restart">) {
  const it = await controlledNode({ parts });
  const clock = new ManualClock();
  const client = (await ControlClient.connect(it.dataDir, clock))!;
  return {
    ...it,
    client,
    clock,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await it[Symbol.asyncDispose]();
    },
  };
}

test("a daemon tells how it was started, and goes on", async () => {
  let asked = 0;
  await using it = await served({ restart: { program: PROGRAM, request: () => (asked += 1) } });
  expect(await it.client.call(program, { path: PROGRAM.path })).toEqual({ ...PROGRAM, pid: process.pid });
  expect(asked).toBe(0);
  expect(await it.client.call(status, {})).toMatchObject({ running: true });
});

test("a daemon of another executable refuses to start again, and one that is no program cannot", async () => {
  let asked = 0;
  {
    await using it = await served({ restart: { program: PROGRAM, request: () => (asked += 1) } });
    const path = "/opt/y/entmootd";
    await expect(it.client.call(program, { path })).rejects.toMatchObject({ code: "conflict" });
    await expect(it.client.callLast(restart, { path }, 1_000)).rejects.toMatchObject({ code: "conflict" });
    // A refusal ends nothing: the connection is one like any other.
    expect(it.server.connections).toBe(1);
  }
  await using it = await served({ onStop: () => {} });
  const { path } = PROGRAM;
  await expect(it.client.call(program, { path })).rejects.toMatchObject({ code: "unsupported" });
  await expect(it.client.callLast(restart, { path }, 1_000)).rejects.toMatchObject({ code: "unsupported" });
  expect(asked).toBe(0);
});

test("a node inside another program has no daemon to end, to start again or to tell of", async () => {
  await using it = await served({});
  const refused = {
    code: "control_unavailable",
    message: 'this program runs no daemon; start one with "entmootd serve"',
  };
  for (const asked of [it.client, it.node]) {
    await expect(asked.call(stop, {})).rejects.toMatchObject(refused);
    await expect(asked.call(restart, { path: PROGRAM.path })).rejects.toMatchObject(refused);
    await expect(asked.call(program, { path: PROGRAM.path })).rejects.toMatchObject(refused);
  }
});

const LAST = [
  ["stop", (client: ControlClient) => client.callLast(stop, {}, 200)],
  ["restart", (client: ControlClient) => client.callLast(restart, { path: PROGRAM.path }, 200)],
] as const;

test.each(LAST)("%s is answered at once, and done only when the connection ends", async (_, ask) => {
  let asked = 0;
  const request = () => {
    asked += 1;
  };
  await using it = await served({ onStop: request, restart: { program: PROGRAM, request } });
  // The process of this test does not end, so the wait can only run into its deadline.
  const ended = ask(it.client).catch((error: unknown) => error);
  await until(() => asked === 1);
  // The answer is there once nothing but the end is waited for.
  await until(() => it.clock.waiting === 1);
  await it.server[Symbol.asyncDispose]();
  it.clock.advance(200);
  expect(await ended).toMatchObject({
    code: "timeout",
    message: "the daemon has not ended within 200 ms; it may still",
  });
  expect(asked).toBe(1);
});

test("other calls of the connection that ends the daemon are answered meanwhile", async () => {
  await using it = await served({ onStop: () => {} });
  const ended = it.client.callLast(stop, {}, 200).catch((error: unknown) => error);
  await until(() => it.clock.waiting === 1);
  expect(await it.client.call(version, {})).toMatchObject({ version: "test" });
  it.clock.advance(200);
  expect(await ended).toMatchObject({ code: "timeout" });
});
