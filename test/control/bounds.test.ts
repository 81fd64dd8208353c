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
import { messages, publish, watch } from "../../src/node/operations/messages.ts";
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
    const clients = 40;
    for (let client = 0; client < clients; client++) {
      const connection = await it.connect();
      greedy.push(connection);
      const request = encodeWire(messages.request, { ...messages.request.zero(), ...poll });
      await connection.send({ ...operationFrame("messages", {}), body: request });
    }
    await using honest = (await ControlClient.connect(it.dataDir, realClock))!;
    await honest.call(version, {});
    const polled = honest.call(messages, poll);
    await it.node.call(publish, { group_id, topics: ["a"], content: new Uint8Array(700_000) });
    expect((await polled).messages).toHaveLength(1);
    await until(() => it.server.connections < clients + 1);
    expect(await honest.call(version, {})).toMatchObject({ version: "test" });
    for (const connection of greedy) connection[Symbol.dispose]();
  });

  test("large answers are gathered one at a time for a client, once it took the one before, and two for all", async () => {
    const held = new Held();
    await using it = await controlledNode({ parts: { operations: held.operations() } });
    const clients = await Promise.all([1, 2, 3].map(() => it.connect()));
    const asked = operationFrame("gather", { n: 4_000_000 });
    for (const client of clients) for (let call = 0; call < 20; call++) await client.send({ ...asked, call });
    await until(() => held.gathering === 2);
    using other = await it.connect();
    expect(saidBy(await ask(other, operationFrame("version", {})))).toMatchObject({ role: "answer" });
    expect(held.gathering).toBe(2);
    held.gatherOn();
    // Nobody reads: the first answer of each waits, and no second one is gathered.
    await until(() => held.gathered === clients.length);
    for (let at = 0; at < 20; at++) await ask(other, operationFrame("version", {}));
    expect([held.gathered, held.gathering]).toEqual([clients.length, 0]);
    for (let call = 0; call < 20; call++) expect(saidBy(await clients[0]!.receive()).role).toBe("answer");
    expect(held.gathered).toBe(clients.length + 19);
    for (const client of clients) client[Symbol.dispose]();
  });

  test("a watcher that has no room keeps nobody on its connection waiting, and nothing is read for it", async () => {
    await using it = await controlledNode({ caller: "agent" });
    const { group_id } = await newMoot(it.node);
    await it.node.call(publish, { group_id, topics: ["a"], content: new Uint8Array(100_000) });
    using connection = await it.connect();
    const all = encodeWire(watch.request, { ...watch.request.zero(), group_id, after: [] });
    const asked = { ...operationFrame("watch", {}), body: all };
    for (let call = 1; call < 20; call++) await connection.send({ ...asked, call });
    await connection.send({ ...asked, call: 20, room: 1_000_000 });
    expect(saidBy(await connection.receive())).toMatchObject({ role: "event", call: 20 });
    expect(saidBy(await ask(connection, operationFrame("version", {}, { call: 21 })))).toMatchObject({ call: 21 });
    await connection.send({ ...operationFrame("watch", "", { role: "credit", call: 7, room: 1 }) });
    expect(saidBy(await connection.receive())).toMatchObject({ role: "event", call: 7 });
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
