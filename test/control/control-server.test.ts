import { describe, expect, test } from "bun:test";
import { existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ControlClient } from "../../src/control/control-client.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status, version } from "../../src/node/operations/daemon.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { encodeControlFrame } from "../../src/wire/control/control-frame.ts";
import { OPERATION_HEAD_BYTES } from "../../src/wire/control/operation-frame.ts";
import { controlledNode, controlServer } from "../support/control.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startNode, until } from "../support/nodes.ts";
import { exchange, frameBytes, operationFrame, replies, saidBy } from "../support/raw-control.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

describe("the socket", () => {
  test("is its owner's alone, and gone when the server has ended", async () => {
    await using it = await controlledNode();
    expect(statSync(it.path).mode & 0o777).toBe(0o600);
    await it.server[Symbol.asyncDispose]();
    expect(existsSync(it.path)).toBe(false);
  });

  test("for agents is as much its owner's alone", async () => {
    await using it = await controlledNode({ caller: "agent" });
    expect(statSync(it.path).mode & 0o777).toBe(0o600);
  });

  test("takes the place of one left by a process that died", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "control.sock");
    await using node = await startNode(undefined, 1);
    const dead = Bun.listen({ unix: `${path}.dead`, socket: { data() {} } });
    linkSync(`${path}.dead`, path);
    dead.stop(true);
    await using _server = await controlServer(path, node);
    await using client = (await ControlClient.connect(directory.path, realClock))!;
    expect((await client.call(status, {})).pid).toBe(process.pid);
  });

  test("does not take the place of one that answers", async () => {
    await using it = await controlledNode();
    await expect(controlServer(it.path, it.node)).rejects.toMatchObject({
      code: "already_running",
      message: `control socket ${it.path}: in use by entmootd test (process ${process.pid}); its data root is (memory); end that one first, or choose another place`,
    });
    await using client = (await ControlClient.connect(it.dataDir, realClock))!;
    expect((await client.call(status, {})).pid).toBe(process.pid);
  });

  test("does not take the place of a file", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "control.sock");
    await using node = await startNode(undefined, 1);
    writeFileSync(path, "mine");
    await expect(controlServer(path, node)).rejects.toMatchObject({ code: "data_root_invalid" });
    expect(existsSync(path)).toBe(true);
  });

  test("works in a data root whose path is longer than a socket address", async () => {
    using directory = new TemporaryDirectory();
    const dataDir = join(directory.path, "d".repeat(120), "e".repeat(120));
    mkdirSync(dataDir, { recursive: true });
    await using node = await startNode(undefined, 1);
    await using _server = await controlServer(join(dataDir, "control.sock"), node);
    await using client = (await ControlClient.connect(dataDir, realClock))!;
    expect((await client.call(status, {})).version).toBe("test");
    expect(statSync(join(dataDir, "control.sock")).mode & 0o777).toBe(0o600);
  });

  test("cannot be bound where there is no folder, and says so", async () => {
    using directory = new TemporaryDirectory();
    await using node = await startNode(undefined, 1);
    rmSync(directory.path, { recursive: true });
    const path = join(directory.path, "control.sock");
    await expect(controlServer(path, node)).rejects.toMatchObject({
      code: "data_root_invalid",
      message: `control socket ${path}: cannot listen: there is no folder ${directory.path}`,
    });
  });
});

describe("a first frame that is no request", () => {
  const malformed: [string, Uint8Array][] = [
    ["a length of 0", new Uint8Array(4)],
    ["a length past 16 MiB", new Uint8Array([1, 0, 0, 1, 0x10])],
    ["a length past the cap of its type", new Uint8Array([0, 1, 0, 1, 0x14])],
    ["a type nobody knows", frameBytes(0x05, "{}")],
    ["a body that is no JSON", frameBytes(0x10, "{")],
    ["a body of the wrong shape", frameBytes(0x10, '{"topics":"chat"}')],
    ["no body where one is due", frameBytes(0x10, "")],
    ["an operation without a whole head", frameBytes(0x90, "x".repeat(OPERATION_HEAD_BYTES - 1))],
  ];
  test.each(malformed)("%s: the connection is closed without a word", async (_, bytes) => {
    await using it = await controlledNode();
    expect(await exchange(it.path, bytes)).toHaveLength(0);
    expect(it.server.connections).toBe(0);
  });

  test("half a frame and then silence: the connection is closed when its time is over", async () => {
    const clock = new ManualClock();
    await using it = await controlledNode({ clock });
    const all = exchange(it.path, new Uint8Array([0, 0, 0, 9, 0x10]));
    await until(() => it.server.connections === 1);
    clock.advance(9_999);
    expect(it.server.connections).toBe(1);
    clock.advance(1);
    expect(await all).toHaveLength(0);
  });

  test("silence after an answer ends nothing", async () => {
    const clock = new ManualClock();
    await using it = await controlledNode({ clock });
    await using client = (await ControlClient.connect(it.dataDir, clock))!;
    await client.call(version, {});
    clock.advance(24 * 3_600_000);
    await client.call(version, {});
    expect(it.server.connections).toBe(1);
  });

  test("an answer: the client is told that it is out of place", async () => {
    await using it = await controlledNode();
    const answer = encodeControlFrame({ kind: "error", type: "error", code: "X", group_id: undefined, message: "" });
    expect(replies(await exchange(it.path, answer))).toMatchObject([
      { kind: "error", code: "INVALID_ARGUMENT", message: "unexpected ipc type error" },
    ]);
  });

  test("what only a daemon says of an operation: the client is told that a call is expected", async () => {
    await using it = await controlledNode();
    using connection = await it.connect();
    for (const role of ["answer", "event", "failure"] as const) {
      await connection.send(operationFrame("stop", '{"pid":1}', { role, call: 5 }));
      expect(saidBy(await connection.receive())).toEqual({
        role: "failure",
        call: 5,
        json: { code: "invalid_argument", message: `operation frame: expected a call, found ${role}` },
      });
    }
  });
});

describe("what a later version says", () => {
  test("an extension: it is refused by name, and the connection lives on", async () => {
    await using it = await controlledNode();
    const asked = encodeControlFrame(operationFrame("version", {}));
    const all = await exchange(it.path, Buffer.concat([frameBytes(0xf0, "{}"), asked]), { halfClose: true });
    expect(replies(all)).toMatchObject([
      { kind: "refused", of_type: 0xf0, code: "unknown_frame", message: expect.stringContaining("0xf0") },
      { kind: "operation", role: "answer" },
    ]);
  });

  test("an operation in another layout: it is refused by name, and the connection lives on", async () => {
    await using it = await controlledNode();
    const asked = encodeControlFrame(operationFrame("version", {}));
    const later = asked.slice();
    later[5] = 2;
    const all = await exchange(it.path, Buffer.concat([later, asked]), { halfClose: true });
    expect(replies(all)).toMatchObject([
      {
        kind: "refused",
        of_type: 0x90,
        code: "malformed_frame",
        message: expect.stringContaining("layout 1, found 2"),
      },
      { kind: "operation", role: "answer" },
    ]);
  });

  test("an operation nobody knows: the call is refused by name, however large", async () => {
    await using it = await controlledNode();
    using connection = await it.connect();
    for (const request of ["{}", " ".repeat(1024 * 1024)]) {
      await connection.send(operationFrame("moot_close", request, { call: 3 }));
      expect(saidBy(await connection.receive())).toEqual({
        role: "failure",
        call: 3,
        json: {
          code: "unknown_frame",
          message: "moot_close: not known to this version; update and restart the daemon",
        },
      });
    }
  });

  test("keys that are not known to this one are passed over", async () => {
    await using it = await controlledNode();
    using connection = await it.connect();
    await connection.send(operationFrame("version", { later: [{}] }));
    expect(saidBy(await connection.receive())).toMatchObject({ role: "answer", json: { pid: process.pid } });
  });
});

test("a request of the wrong shape is refused and says where, and the connection lives on", async () => {
  await using it = await controlledNode();
  using connection = await it.connect();
  await connection.send(operationFrame(group_create.name, { name: 7 }));
  expect(saidBy(await connection.receive())).toMatchObject({
    role: "failure",
    json: { code: "invalid_argument", message: expect.stringContaining("name") },
  });
  await connection.send(operationFrame("version", {}));
  expect(saidBy(await connection.receive())).toMatchObject({ role: "answer" });
});
