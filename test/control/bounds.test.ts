import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Socket } from "bun";
import { ControlClient } from "../../src/control/control-client.ts";
import type { ControlConnection } from "../../src/control/control-connection.ts";
import { dial } from "../../src/control/dial.ts";
import type { SocketStream } from "../../src/control/socket-stream.ts";
import { steadyMs } from "../../src/core/clock.ts";
import { encodeWire } from "../../src/core/json/json-codec.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { version } from "../../src/node/operations/daemon.ts";
import { messages, publish } from "../../src/node/operations/messages.ts";
import { encodeControlFrame } from "../../src/wire/control/control-frame.ts";
import { newMoot } from "../node/read/held.ts";
import { controlledNode } from "../support/control.ts";
import { FLOOD_EVENT_BYTES, flood, Held } from "../support/held-operations.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { until } from "../support/nodes.ts";
import { ask, operationFrame, saidBy } from "../support/raw-control.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A client that has sent a part of a frame. */
async function begin(path: string, bytes: Uint8Array): Promise<SocketStream> {
  const stream = (await dial(path, realClock))!;
  await stream.write(bytes);
  return stream;
}

describe("what a client makes a daemon hold", () => {
  test("a frame that does not come to its end ends its connection, and no other", async () => {
    const clock = new ManualClock();
    await using it = await controlledNode({ clock, caller: "agent" });
    const whole = encodeControlFrame(operationFrame("version", {}));
    const slow = await begin(it.path, Buffer.concat([whole, whole.subarray(0, -1)]));
    using quick = await it.connect();
    expect(saidBy(await ask(quick, operationFrame("version", {})))).toMatchObject({ role: "answer" });
    while ((await slow.read())!.length === 0);
    await until(() => clock.waiting > 0);
    clock.advance(30_000);
    expect(await slow.read()).toBeNull();
    expect(saidBy(await ask(quick, operationFrame("version", {})))).toMatchObject({ role: "answer" });
  });

  test("few large requests are received at a time; a further one fails alone, and small ones never", async () => {
    await using it = await controlledNode({ caller: "agent" });
    const large = operationFrame("publish", `{"topics":["a"],"content":"${"A".repeat(100_000)}"}`);
    const bytes = encodeControlFrame(large);
    const begun: SocketStream[] = [];
    for (let at = 0; at < 64; at++) begun.push(await begin(it.path, bytes.subarray(0, -1)));
    using connection = await it.connect();
    // Those begun are seen before: sockets are read in no promised order.
    const failed = async () => {
      const { json, role } = saidBy(await ask(connection, large));
      expect(role).toBe("failure");
      return (json as { code: string }).code;
    };
    await until(async () => (await failed()) === "unavailable");
    expect(saidBy(await ask(connection, operationFrame("version", {})))).toMatchObject({ role: "answer" });
    begun[0]!.destroy();
    await until(async () => (await failed()) === "group_not_found");
    for (const stream of begun) stream.destroy();
  });

  test("calls of all clients together have a bound, past which one more is refused", async () => {
    const held = new Held();
    await using it = await controlledNode({ parts: { operations: held.operations() } });
    const connections: ControlConnection[] = [];
    for (let client = 0; client < 16; client++) {
      const connection = await it.connect();
      connections.push(connection);
      for (let call = 0; call < 64; call++) {
        await connection.send(operationFrame("hold", { n: client * 64 + call }, { call }));
      }
    }
    await until(() => held.running.size === 1024);
    using more = await it.connect();
    expect(saidBy(await ask(more, operationFrame("version", {})))).toMatchObject({
      role: "failure",
      json: { code: "unavailable", message: expect.stringContaining("1024") },
    });
    held.release(0);
    await until(() => held.running.size === 1023);
    expect(saidBy(await ask(more, operationFrame("version", {})))).toMatchObject({ role: "answer" });
    for (const connection of connections) connection[Symbol.dispose]();
  });

  test("answers that are not taken have a bound in sum: the client that leaves most of them is disconnected", async () => {
    await using it = await controlledNode({ caller: "agent" });
    const { group_id } = await newMoot(it.node);
    const poll = { group_id, by: "arrival", wait_ms: 60_000 } as const;
    const greedy: ControlConnection[] = [];
    for (let client = 0; client < 4; client++) {
      const connection = await it.connect();
      greedy.push(connection);
      const request = encodeWire(messages.request, { ...messages.request.zero(), ...poll });
      for (let call = 0; call < 64; call++)
        await connection.send({ ...operationFrame("messages", {}, { call }), body: request });
    }
    await using honest = (await ControlClient.connect(it.dataDir, realClock))!;
    await honest.call(version, {});
    const polled = honest.call(messages, poll);
    await it.node.call(publish, { group_id, topics: ["a"], content: new Uint8Array(700_000) });
    expect((await polled).messages).toHaveLength(1);
    await until(() => it.server.connections < 5);
    expect(await honest.call(version, {})).toMatchObject({ version: "test" });
    for (const connection of greedy) connection[Symbol.dispose]();
  });

  test("frames that take long to carry out are carried out one a round, whoever sent how many", async () => {
    let ms = 0;
    const clock = { ...realClock, steady: () => steadyMs(ms++ * 1_000) };
    await using it = await controlledNode({ clock, caller: "agent" });
    let rounds = 0;
    let ended = false;
    const count = () => {
      rounds += 1;
      if (!ended) setImmediate(count);
    };
    setImmediate(count);
    using connection = await it.connect();
    const sent = Array.from({ length: 50 }, (_, call) => connection.send(operationFrame("version", {}, { call })));
    await Promise.all(sent);
    const before = rounds;
    for (let at = 0; at < 50; at++) expect(saidBy(await connection.receive()).role).toBe("answer");
    ended = true;
    expect(rounds - before).toBeGreaterThan(40);
  });
});

test("a daemon that sends more events than it was given room for is given up, and its client holds no more of them", async () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const event = { n: 1, filling: "x".repeat(FLOOD_EVENT_BYTES) };
  const bytes = encodeControlFrame(operationFrame("flood", event, { role: "event", call: 1 }));
  let rest = Buffer.concat(Array.from({ length: 20 }, () => bytes));
  const pour = (socket: Socket) => {
    rest = rest.subarray(Math.max(0, socket.write(rest)));
  };
  const server = Bun.listen({ unix: path, socket: { data: pour, drain: pour } });
  await using client = (await ControlClient.connectTo(path, realClock))!;
  const reading = Promise.withResolvers<void>();
  const call = client.call(flood, { n: 1 }, { onEvent: () => reading.promise });
  await expect(call).rejects.toMatchObject({ code: "malformed_frame" });
  reading.resolve();
  server.stop(true);
});
