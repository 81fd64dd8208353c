import { describe, expect, test } from "bun:test";
import { CallQueue } from "../../src/control/call-queue.ts";
import { ControlClient } from "../../src/control/control-client.ts";
import type { ControlConnection } from "../../src/control/control-connection.ts";
import { sizeText } from "../../src/core/amounts.ts";
import { encodeUtf8 as text } from "../../src/core/bytes/utf8.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status, version } from "../../src/node/operations/daemon.ts";
import { publish, watch as watchOperation } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { encodeControlFrame } from "../../src/wire/control/control-frame.ts";
import { type ControlledOptions, controlledNode, controlServer } from "../support/control.ts";
import { dawdle, fill, flood, Held, hold, insist, linger } from "../support/held-operations.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { OPEN_GROUP, until } from "../support/nodes.ts";
import { ask, exchange, operationFrame, replies, saidBy } from "../support/raw-control.ts";

/** However long a test takes, this does not end it. */
const PATIENT_MS = 600_000;

/** A node whose calls can be held, and one client of it. */
async function world(options: Omit<ControlledOptions, "parts"> = {}) {
  const held = new Held();
  const it = await controlledNode({ ...options, parts: { operations: held.operations() } });
  const client = (await ControlClient.connect(it.dataDir, realClock))!;
  return {
    ...it,
    client,
    held,
    /** Calls of `hold` with these numbers, all under way. */
    async hold(numbers: readonly number[], signal?: AbortSignal, operation = hold) {
      const calls = numbers.map((n) => client.call(operation, { n }, { signal, timeoutMs: PATIENT_MS }));
      for (const call of calls) call.catch(() => {});
      await until(() => numbers.every((n) => held.running.has(n)));
      return calls;
    },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await it[Symbol.asyncDispose]();
    },
  };
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

describe("calls of one connection", () => {
  test("are answered in the order they end, whatever the order they came in", async () => {
    await using it = await world();
    const ended: number[] = [];
    const calls = await it.hold(numbers(40));
    const told = calls.map((call) => call.then(({ n }) => ended.push(n)));
    const order = numbers(40).toSorted((a, b) => ((a * 17) % 40) - ((b * 17) % 40));
    for (const [at, n] of order.entries()) {
      it.held.release(n);
      await until(() => ended.length === at + 1);
    }
    await Promise.all(told);
    expect(ended).toEqual(order);
    expect(it.server.connections).toBe(1);
  });

  test("1,000 at once are all answered, each by its own message", async () => {
    await using it = await world();
    const { group_id } = await it.client.call(group_create, OPEN_GROUP);
    const published = await Promise.all(
      numbers(1_000).map((at) =>
        it.client.call(publish, { group_id, topics: ["a"], content: text(`${at}`) }, { timeoutMs: PATIENT_MS }),
      ),
    );
    expect(new Set(published.map(({ message_id }) => message_id)).size).toBe(1_000);
    expect((await it.client.call(status, {})).groups[0]?.messages).toBe(1_000);
    expect(it.server.connections).toBe(1);
  });

  test("with long answers are all answered too, however the answers are taken", async () => {
    await using it = await world();
    const answers = await Promise.all(numbers(300).map((at) => it.client.call(fill, { n: 15_000 + at })));
    expect(answers.map(({ n }) => n)).toEqual(numbers(300).map((at) => 15_000 + at));
  });

  test("past 64 a further one of a client that does not wait is refused, and served once one has ended", async () => {
    await using it = await world();
    using connection = await it.connect();
    for (const n of numbers(64)) await connection.send(operationFrame("hold", { n }, { call: n }));
    expect(saidBy(await ask(connection, operationFrame("version", {}, { call: 64 })))).toEqual({
      role: "failure",
      call: 64,
      json: {
        code: "unavailable",
        message: "at most 64 calls of one connection at a time; wait for one to end",
      },
    });
    it.held.release(0);
    expect(saidBy(await connection.receive())).toMatchObject({ role: "answer", call: 0 });
    expect(saidBy(await ask(connection, operationFrame("version", {}, { call: 65 })))).toMatchObject({ call: 65 });
  });

  test("of a number that is under way is refused, and the first goes on", async () => {
    await using it = await world();
    using connection = await it.connect();
    await connection.send(operationFrame("hold", { n: 1 }, { call: 9 }));
    await connection.send(operationFrame("version", {}, { call: 9 }));
    expect(saidBy(await connection.receive())).toEqual({
      role: "failure",
      call: 9,
      json: { code: "invalid_argument", message: "version: call 9 is under way" },
    });
    it.held.release(1);
    expect(saidBy(await connection.receive())).toEqual({ role: "answer", call: 9, json: { n: 1 } });
  });
});

describe("calls past what the daemon carries out at a time", () => {
  test("begin in their order as others end", async () => {
    await using it = await world();
    await it.hold(numbers(64));
    const later = [64, 65, 66].map((n) => it.client.call(hold, { n }, { timeoutMs: PATIENT_MS }));
    for (const [at, n] of [64, 65, 66].entries()) {
      it.held.release(at * 7);
      await until(() => it.held.running.has(n));
      expect([...it.held.running.keys()].filter((each) => each > 63)).toEqual([64, 65, 66].slice(0, at + 1));
    }
    for (const n of numbers(67)) it.held.release(n);
    expect((await Promise.all(later)).map(({ n }) => n)).toEqual([64, 65, 66]);
  });

  test("are not sent once their callers give them up, with the callers' reason", async () => {
    await using it = await world();
    await it.hold(numbers(64));
    const left = new AbortController();
    const given = it.client.call(hold, { n: 64 }, { signal: left.signal }).catch((error: unknown) => error);
    const next = it.client.call(hold, { n: 65 }, { timeoutMs: PATIENT_MS });
    left.abort("left");
    expect(await given).toBe("left");
    it.held.release(0);
    await until(() => it.held.running.has(65));
    it.held.release(65);
    expect(await next).toEqual({ n: 65 });
    expect(it.held.running.has(64)).toBeFalse();
  });

  test("are not sent once their patience is over, and say so", async () => {
    const clock = new ManualClock();
    await using it = await world();
    await using client = (await ControlClient.connect(it.dataDir, clock))!;
    for (const n of numbers(64)) client.call(hold, { n }, { timeoutMs: PATIENT_MS }).catch(() => {});
    await until(() => it.held.running.size === 64);
    const late = client.call(version, {}, { timeoutMs: 5_000 }).catch((error: unknown) => error);
    await until(() => clock.waiting === 65);
    clock.advance(5_000);
    expect(await late).toMatchObject({
      code: "timeout",
      message: "version: 5 s passed while it waited for earlier calls of this connection; it was not sent",
    });
  });

  test("end with the connection, and say that they were not sent", async () => {
    await using it = await world();
    await it.hold(numbers(64));
    const waiting = it.client.call(hold, { n: 64 }).catch((error: unknown) => error);
    await it.client[Symbol.asyncDispose]();
    expect(await waiting).toMatchObject({
      code: "control_unavailable",
      message:
        "hold: the connection to the daemon ended while it waited for earlier calls of this connection; it was not sent",
    });
  });

  test("wait for a call that was given up until the daemon is done with it", async () => {
    const clock = new ManualClock();
    await using it = await world();
    await using client = (await ControlClient.connect(it.dataDir, clock))!;
    const stubborn = client.call(insist, { n: 99 }, { timeoutMs: 5_000 }).catch((error: unknown) => error);
    for (const n of numbers(63)) client.call(hold, { n }, { timeoutMs: PATIENT_MS }).catch(() => {});
    await until(() => it.held.running.size === 64);
    clock.advance(5_000);
    expect(await stubborn).toMatchObject({ code: "timeout" });
    const asked = client.call(version, {});
    it.held.release(99);
    expect(await asked).toMatchObject({ version: "test" });
  });

  test("that only their callers end, and those that may wait, leave places to the others", async () => {
    await using it = await world();
    await it.hold(numbers(48), undefined, linger);
    const further = it.client.call(linger, { n: 48 });
    await it.hold(
      numbers(8).map((n) => 100 + n),
      undefined,
      dawdle,
    );
    const waiting = it.client.call(dawdle, { n: 108 }, { timeoutMs: PATIENT_MS });
    expect(await it.client.call(version, {})).toMatchObject({ version: "test" });
    expect([it.held.running.has(48), it.held.running.has(108)]).toEqual([false, false]);
    it.held.release(100);
    await until(() => it.held.running.has(108));
    it.held.release(0);
    await until(() => it.held.running.has(48));
    it.held.release(48);
    it.held.release(108);
    expect(await further).toEqual({ n: 48 });
    expect(await waiting).toEqual({ n: 108 });
  });

  test("are refused past 16,384, or past 128 MiB of requests", async () => {
    const queue = new CallQueue();
    const begun: number[] = [];
    const enter = (n: number, bytes: number) => queue.enter(n, hold, bytes, () => begun.push(n));
    for (const n of numbers(64 + 16_384)) enter(n, 0);
    expect(() => enter(20_000, 0)).toThrow("hold: 16384 calls of 0 bytes wait for a place on this connection");
    queue.leave(64);
    enter(20_000, 0);
    queue.endAll();
    queue.endAll();
    expect(begun).toHaveLength(192);
    expect(begun.slice(62, 67)).toEqual([62, 63, 65, 66, 67]);

    const heavy = new CallQueue();
    for (const n of numbers(64 + 8)) heavy.enter(n, hold, 16 * 1024 * 1024, () => {});
    expect(() => heavy.enter(72, hold, 1, () => {})).toThrow("hold: 8 calls of 128 MiB (134,217,728 bytes) wait");
    heavy.ended(0);
    heavy.enter(72, hold, 1, () => {});
  });
});

describe("a call that its caller gives up", () => {
  test("is told so, frees its place and disturbs no other", async () => {
    await using it = await world();
    const left = new AbortController();
    const others = await it.hold(numbers(63));
    const [call] = await it.hold([63], left.signal);
    left.abort();
    await expect(call!).rejects.toMatchObject({ code: "unavailable", message: "hold 63: given up" });
    expect(it.held.givenUp).toEqual([63]);
    expect(await it.client.call(version, {})).toMatchObject({ version: "test" });
    for (const n of numbers(63)) it.held.release(n);
    expect((await Promise.all(others)).map(({ n }) => n)).toEqual(numbers(63));
  });

  test("after its patience is told so too", async () => {
    const clock = new ManualClock();
    await using it = await world();
    await using client = (await ControlClient.connect(it.dataDir, clock))!;
    const call = client.call(hold, { n: 1 }, { timeoutMs: 5_000 }).catch((error: unknown) => error);
    await until(() => it.held.running.has(1));
    clock.advance(5_000);
    expect(await call).toMatchObject({ code: "timeout" });
    await until(() => it.held.givenUp.length === 1);
  });

  test("before it began fails with the caller's reason, and nothing is done", async () => {
    await using it = await world();
    const { group_id } = await it.client.call(group_create, OPEN_GROUP);
    const reason = new Error("left");
    const signal = AbortSignal.abort(reason);
    const request = { group_id, topics: ["a"], content: text("x") };
    for (const asked of [it.client, it.node]) {
      const failed = await asked.call(publish, request, { signal }).catch((error: unknown) => error);
      expect(failed).toBe(reason);
    }
    // What is said over the connection later is heard later.
    expect((await it.client.call(status, {})).groups[0]?.messages).toBe(0);
  });

  test("before the connection was there is not sent over it", async () => {
    await using it = await world();
    await it.client.call(version, {});
    await it.server[Symbol.asyncDispose]();
    await using server = await controlServer(it.path, it.node);
    const left = new AbortController();
    const call = it.client.call(hold, { n: 1 }, { signal: left.signal }).catch((error: unknown) => error);
    left.abort("left");
    expect(await call).toBe("left");
    expect(await it.client.call(version, {})).toMatchObject({ version: "test" });
    expect(it.held.running.size).toBe(0);
    expect(server.connections).toBe(1);
  });

  test("and a cancel of none do nothing", async () => {
    await using it = await world();
    using connection = await it.connect();
    await connection.send(operationFrame("hold", "", { role: "cancel", call: 3 }));
    await connection.send(operationFrame("hold", "", { role: "credit", call: 3, room: 7 }));
    await connection.send(operationFrame("version", {}));
    expect(saidBy(await connection.receive())).toMatchObject({ role: "answer", call: 1 });
  });
});

describe("the end", () => {
  test("of a client gives up every call of it", async () => {
    await using it = await world();
    const calls = await it.hold(numbers(10));
    await it.client[Symbol.asyncDispose]();
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({
        code: "unavailable",
        message: "closed before the daemon answered; it may act all the same",
      });
    }
    await until(() => it.held.givenUp.length === 10);
    await until(() => it.server.connections === 0);
    await expect(it.client.call(version, {})).rejects.toMatchObject({
      code: "unavailable",
      message: "this client of the daemon is closed",
    });
  });

  test("of a client's half gives up its calls and still tells how they ended", async () => {
    await using it = await world();
    const asked = [operationFrame("hold", { n: 1 }), operationFrame("version", {}, { call: 2 })];
    const bytes = Buffer.concat(asked.map((frame) => encodeControlFrame(frame)));
    const said = replies(await exchange(it.path, bytes, { halfClose: true }));
    expect(said.map((frame) => saidBy(frame)).toSorted((a, b) => a.call - b.call)).toMatchObject([
      { role: "failure", json: { message: "hold 1: given up" } },
      { role: "answer", json: { version: "test" } },
    ]);
  });

  test("of the daemon is told to every call, also to those that do not end", async () => {
    const clock = new ManualClock();
    await using it = await world({ clock });
    const calls = await it.hold(numbers(10));
    const stubborn = it.client.call(insist, { n: 99 }).catch((error: unknown) => error);
    await until(() => it.held.running.has(99));
    const ended = it.server[Symbol.asyncDispose]();
    for (const [n, call] of calls.entries()) {
      await expect(call).rejects.toMatchObject({ code: "unavailable", message: `hold ${n}: given up` });
    }
    clock.advance(2_000);
    await ended;
    expect(await stubborn).toMatchObject({
      code: "control_unavailable",
      message: "the daemon has ended; it may have acted all the same",
    });
    it.held.release(99);
  });

  test("of a daemon that starts again is bridged by one new connection for all calls", async () => {
    await using it = await world();
    await it.client.call(version, {});
    await it.server[Symbol.asyncDispose]();
    await using server = await controlServer(it.path, it.node);
    const answers = await Promise.all(numbers(20).map(() => it.client.call(version, {})));
    expect(answers).toHaveLength(20);
    expect(server.connections).toBe(1);
  });
});

describe("what is larger than one side takes", () => {
  test("an answer: the call is refused, and the connection lives on", async () => {
    await using it = await world();
    await expect(it.client.call(fill, { n: 2 * 1024 * 1024 })).rejects.toMatchObject({
      code: "frame_too_large",
      message: "fill: answer of 2 MiB (2,097,178 bytes), at most 1 MiB (1,048,576 bytes) can be sent; ask for less",
    });
    // A client of a version that takes less.
    const small = { ...fill, answerMax: 1_000 };
    await expect(it.client.call(small, { n: 5_000 })).rejects.toMatchObject({
      code: "frame_too_large",
      message: "fill: the daemon's answer of 4.9 KiB (5,023 bytes) is larger than this version takes",
    });
    expect(await it.client.call(fill, { n: 3 })).toEqual({ n: 3, filling: "xxx" });
    expect(it.server.connections).toBe(1);
  });

  test("an event: the call is ended on both sides, and the connection lives on", async () => {
    await using it = await world();
    const small = { ...flood, eventMax: 1_000 };
    await expect(it.client.call(small, { n: 1_000_000 })).rejects.toMatchObject({ code: "frame_too_large" });
    await until(() => it.held.floods === 0);
    expect(await it.client.call(version, {})).toMatchObject({ version: "test" });
    expect(it.server.connections).toBe(1);
  });

  test("a request: it is not even sent", async () => {
    await using it = await world();
    const content = new Uint8Array(13 * 1024 * 1024);
    await expect(it.client.call(publish, { topics: ["a"], content })).rejects.toMatchObject({
      code: "frame_too_large",
      message: expect.stringContaining(`at most ${sizeText(publish.requestMax)}`),
    });
  });
});

describe("past 256 clients", () => {
  /** So many connections that were once used, each quiet for longer than the next. */
  async function quiet(connect: () => Promise<ControlConnection>, clock: ManualClock, count: number) {
    const connections: ControlConnection[] = [];
    for (let at = 0; at < count; at++) {
      const connection = await connect();
      await ask(connection, operationFrame("version", {}));
      clock.advance(1);
      connections.push(connection);
    }
    return connections;
  }

  test("the one that was quiet longest gives way to a further one, and none with a call", async () => {
    const clock = new ManualClock();
    await using it = await world({ clock });
    const [call] = await it.hold([1]);
    const connections = await quiet(it.connect, clock, 255);
    // It is now the one that was heard from last.
    await ask(connections[0]!, operationFrame("version", {}));
    expect(it.server.connections).toBe(256);
    using further = await it.connect();
    expect(saidBy(await ask(further, operationFrame("version", {})))).toMatchObject({ role: "answer" });
    expect(await connections[1]!.receive()).toMatchObject({ kind: "error", code: "UNAVAILABLE" });
    expect(await connections[1]!.receive()).toBeNull();
    expect(it.server.connections).toBe(256);
    expect(connections.filter(({ isOver }) => isOver)).toHaveLength(1);
    it.held.release(1);
    expect(await call).toEqual({ n: 1 });
    for (const connection of connections) connection[Symbol.dispose]();
  });

  test("who asked more than others gives way to none that come, ask once and stay", async () => {
    const clock = new ManualClock();
    await using it = await world({ clock });
    using kept = await it.connect();
    for (let n = 0; n < 3; n += 1) await ask(kept, operationFrame("version", {}));
    clock.advance(1);
    const connections = await quiet(it.connect, clock, 300);
    expect(kept.isOver).toBeFalse();
    expect(connections.filter(({ isOver }) => isOver).length).toBe(300 - 255);
    expect(saidBy(await ask(kept, operationFrame("version", {})))).toMatchObject({ role: "answer" });
    for (const connection of connections) connection[Symbol.dispose]();
  });

  test("however often those asked that stay and do nothing, they give way before who was heard later", async () => {
    const clock = new ManualClock();
    await using it = await world({ clock });
    for (let n = 0; n < 5; n += 1) await it.client.call(version, {});
    const connections = await quiet(it.connect, clock, 254);
    for (const connection of connections) {
      for (let n = 0; n < 5; n += 1) await ask(connection, operationFrame("version", {}));
    }
    clock.advance(1);
    using kept = await it.connect();
    for (let n = 0; n < 4; n += 1) await ask(kept, operationFrame("version", {}));
    clock.advance(1);
    const further = await quiet(it.connect, clock, 20);
    expect(kept.isOver).toBeFalse();
    expect(saidBy(await ask(kept, operationFrame("version", {})))).toMatchObject({ role: "answer" });
    for (const connection of [...connections, ...further]) connection[Symbol.dispose]();
  });

  test("a client that gave way asks over a new connection when it has something to ask", async () => {
    const clock = new ManualClock();
    await using it = await world({ clock });
    await it.client.call(version, {});
    clock.advance(1);
    const connections = await quiet(it.connect, clock, 256);
    expect(connections.some(({ isOver }) => isOver)).toBeFalse();
    expect(await it.client.call(version, {})).toMatchObject({ version: "test" });
    for (const connection of connections) connection[Symbol.dispose]();
  });

  test("that only watch leave places to those that ask, and are told so with the reason", async () => {
    await using it = await world();
    const watching = await Promise.all(numbers(192).map(() => it.connect()));
    for (const connection of watching) await connection.send(operationFrame("watch", { topic: "#" }));
    using further = await it.connect();
    const full = "the daemon is full: of its 256 clients at most 192 may watch at a time; try again";
    // All that was sent before is heard before.
    expect(saidBy(await ask(further, operationFrame("watch", { topic: "#" })))).toMatchObject({ role: "failure" });
    await expect(it.client.call(watchOperation, { topic: "#" })).rejects.toMatchObject({ message: full });
    expect(await it.client.call(version, {})).toMatchObject({ version: "test" });
    for (const connection of watching) connection[Symbol.dispose]();
  });

  test("where all others are busy, one that only watches gives way to one that comes", async () => {
    await using it = await world();
    using watching = await it.connect();
    await watching.send(operationFrame("watch", { topic: "#" }));
    const busy = await Promise.all(numbers(254).map(() => it.connect()));
    for (const [n, connection] of busy.entries()) await connection.send(operationFrame("hold", { n }));
    await it.hold([254]);
    await until(() => it.held.running.size === 255);
    using further = await it.connect();
    expect(saidBy(await ask(further, operationFrame("version", {})))).toMatchObject({ role: "answer" });
    expect(await watching.receive()).toMatchObject({
      kind: "error",
      code: "UNAVAILABLE",
      message: "the daemon is full: who only watches gave way to another; go on from your place later",
    });
    expect(await watching.receive()).toBeNull();
    for (const connection of busy) connection[Symbol.dispose]();
  });

  test("that all wait for something a further one is told to try again", async () => {
    await using it = await world();
    const connections = await Promise.all(numbers(255).map(() => it.connect()));
    for (const [n, connection] of connections.entries()) await connection.send(operationFrame("hold", { n }));
    await it.hold([255]);
    await until(() => it.held.running.size === 256);
    using further = await it.connect();
    expect(await further.receive()).toMatchObject({
      kind: "error",
      code: "UNAVAILABLE",
      message: "the daemon is full: it serves at most 256 clients at a time; try again",
    });
    await using client = (await ControlClient.connect(it.dataDir, realClock))!;
    await expect(client.call(version, {})).rejects.toMatchObject({ code: "unavailable", controlCode: "UNAVAILABLE" });
    for (const connection of connections) connection[Symbol.dispose]();
  });
});
