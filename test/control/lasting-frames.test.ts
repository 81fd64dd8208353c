import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { bindSocket } from "../../src/control/bind-socket.ts";
import { ControlClient } from "../../src/control/control-client.ts";
import { decodeFailure, encodeFailure } from "../../src/control/failure-body.ts";
import type { SocketStream } from "../../src/control/socket-stream.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { GroupId, MerkleRoot, RosterEntryId } from "../../src/core/ids.ts";
import { type Codec, decodeJson, encodeWire, schemaOf } from "../../src/core/json/json-codec.ts";
import type { RunningProgram } from "../../src/host/running-program.ts";
import { type NodeStatus, program, restart, status, stop, version } from "../../src/node/operations/daemon.ts";
import { encodeControlFrame } from "../../src/wire/control/control-frame.ts";
import { OPERATION_HEAD_BYTES, type OperationRole } from "../../src/wire/control/operation-frame.ts";
import { controlledNode } from "../support/control.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { until } from "../support/nodes.ts";
import { exchange } from "../support/raw-control.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/*
 * What an update says to a daemon of another version, and what it is answered. These bytes are in the field: a test that
 * fails here is mended in the sources. What may change is that answers gain keys, so answers are compared key by key.
 */

const PATH = "/opt/x/entmootd";
const NAME_BYTES = 32;

const hex = (text: string) => Buffer.from(text).toString("hex");

/** Length, type 0x90; layout 1, role 1, two zeros, call 1, room 0; name; JSON. */
const CALLS = {
  status:
    "0000002f90 01 01 0000 00000001 00000000 737461747573 0000000000000000000000000000000000000000000000000000 7b7d",
  version:
    "0000002f90 01 01 0000 00000001 00000000 76657273696f6e 00000000000000000000000000000000000000000000000000 7b7d",
  stop: "0000002f90 01 01 0000 00000001 00000000 73746f70 00000000000000000000000000000000000000000000000000000000 7b7d",
  program:
    "0000004790 01 01 0000 00000001 00000000 70726f6772616d 00000000000000000000000000000000000000000000000000 7b2270617468223a222f6f70742f782f656e746d6f6f7464227d",
  restart:
    "0000004790 01 01 0000 00000001 00000000 72657374617274 00000000000000000000000000000000000000000000000000 7b2270617468223a222f6f70742f782f656e746d6f6f7464227d",
} as const;

const golden = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));

/** How a client of today asks for each. */
const ASKED: Readonly<Record<keyof typeof CALLS, (client: ControlClient) => Promise<unknown>>> = {
  status: (client) => client.call(status, {}),
  version: (client) => client.call(version, {}),
  stop: (client) => client.callLast(stop, {}, 5_000),
  program: (client) => client.call(program, { path: PATH }),
  restart: (client) => client.callLast(restart, { path: PATH }, 5_000),
};
const NAMES = Object.keys(CALLS) as (keyof typeof CALLS)[];

const PROGRAM: RunningProgram = { path: PATH, argv: ["entmoot", "serve"], cwd: "/tmp", env: ["HOME=/root", "ODD=a=b"] };

const STATUS: NodeStatus = {
  running: true,
  version: "0.1.0",
  pid: 42,
  place: "",
  data_dir: "/d",
  identity_path: "/d/identity.json",
  pilot_node_id: 7,
  entmoot_pubkey: new Uint8Array(32).fill(3),
  listen_port: 1004,
  transport: { carrier: "iroh", reason: "default", port: 4433, hints: ["h"] },
  unopened: [],
  faults: [],
  fault_codes: [],
  twin_seen_ms: 0,
  groups: [
    {
      group_id: GroupId.fromBytes(new Uint8Array(32).fill(1)),
      name: "council",
      members: 2,
      messages: 9,
      apart: undefined,
      owed: undefined,
      refused: undefined,
      merkle_root: MerkleRoot.fromHex("05".repeat(32)),
      roster_head: RosterEntryId.fromHex("06".repeat(32)),
      local_node_id: 7,
      local_member: true,
      founder: true,
      removal: undefined,
      left_ms: 0,
      fork: undefined,
      doubt: undefined,
      policy: "",
      retention: undefined,
    },
  ],
  started_at_ms: 1_750_000_000_000,
  peer_refusals: 0,
};
const STARTED_AS = { pid: 42, ...PROGRAM };

interface Answer {
  readonly codec: Codec<unknown>;
  readonly value: unknown;
  /** The JSON as version 0.1.0 wrote it. */
  readonly json: string;
  /** Without these an answer says nothing; older daemons give no more than these. */
  readonly required: readonly string[];
}

const startedAs =
  '{"pid":42,"path":"/opt/x/entmootd","argv":["entmoot","serve"],"cwd":"/tmp","env":["HOME=/root","ODD=a=b"]}';
const ANSWERS: Readonly<Record<keyof typeof CALLS, Answer>> = {
  status: {
    codec: status.answer as Codec<unknown>,
    value: STATUS,
    json:
      '{"running":true,"version":"0.1.0","pid":42,"data_dir":"/d","identity_path":"/d/identity.json","pilot_node_id":7,' +
      '"entmoot_pubkey":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=","listen_port":1004,' +
      '"transport":{"carrier":"iroh","reason":"default","port":4433,"hints":["h"]},' +
      '"groups":[{"group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","name":"council","members":2,"messages":9,' +
      '"merkle_root":"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=",' +
      '"roster_head":"BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=","local_node_id":7,"local_member":true,' +
      '"founder":true}],"started_at_ms":1750000000000}',
    required: ["version", "pid", "entmoot_pubkey", "transport", "groups"],
  },
  version: {
    codec: version.answer as Codec<unknown>,
    value: { version: "0.1.0", commit: "abc", date: "2026-01-02", pid: 42 },
    json: '{"version":"0.1.0","commit":"abc","date":"2026-01-02","pid":42}',
    required: ["version", "pid"],
  },
  stop: { codec: stop.answer as Codec<unknown>, value: { pid: 42 }, json: '{"pid":42}', required: ["pid"] },
  program: {
    codec: program.answer as Codec<unknown>,
    value: STARTED_AS,
    json: startedAs,
    required: ["pid", "path", "argv", "cwd", "env"],
  },
  restart: {
    codec: restart.answer as Codec<unknown>,
    value: STARTED_AS,
    json: startedAs,
    required: ["pid", "path", "argv", "cwd", "env"],
  },
};

/** The head of a frame that a daemon sends back for call 1. */
function headHex(role: number, operation: string): string {
  return `01${role.toString(16).padStart(2, "0")}0000${"00000001"}${"00000000"}${hex(operation).padEnd(2 * NAME_BYTES, "0")}`;
}

/** Listens as a daemon would; gives what came on the first connection once it is `bytes` long. */
async function listening(path: string, clock: ManualClock, bytes: number) {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const streams: SocketStream[] = [];
  const listener = await bindSocket(path, clock, async (stream) => {
    streams.push(stream);
    let all = Buffer.alloc(0);
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
      all = Buffer.concat([all, chunk]);
      if (all.length >= bytes) resolve(all);
    }
  });
  return {
    came: promise,
    [Symbol.dispose]() {
      for (const stream of streams) stream.destroy();
      listener.stop(true);
    },
  };
}

describe.each(NAMES)("%s", (name) => {
  test("is asked for in these very bytes", async () => {
    using directory = new TemporaryDirectory();
    const clock = new ManualClock();
    const wanted = golden(CALLS[name]);
    using daemon = await listening(join(directory.path, "control.sock"), clock, wanted.length);
    await using client = (await ControlClient.connect(directory.path, clock))!;
    const asked = ASKED[name](client).catch(() => {});
    expect(Buffer.from(await daemon.came).toString("hex")).toBe(Buffer.from(wanted).toString("hex"));
    await client[Symbol.asyncDispose]();
    await asked;
  });

  test("is answered when it is asked for in these bytes", async () => {
    let ended = 0;
    const request = () => {
      ended += 1;
    };
    await using it = await controlledNode({ parts: { onStop: request, restart: { program: PROGRAM, request } } });
    const isLast = name === "stop" || name === "restart";
    if (isLast) {
      using raw = await rawStream(it.path, golden(CALLS[name]));
      expect(await raw.head(OPERATION_HEAD_BYTES)).toBe(headHex(2, name));
      await until(() => ended === 1);
      expect(raw.isOpen()).toBeTrue();
      return;
    }
    const all = await exchange(it.path, golden(CALLS[name]), { halfClose: true });
    expect(all[4]).toBe(0x90);
    expect(Buffer.from(all.subarray(5, 5 + OPERATION_HEAD_BYTES)).toString("hex")).toBe(headHex(2, name));
    const said = JSON.parse(new TextDecoder().decode(all.subarray(5 + OPERATION_HEAD_BYTES)));
    for (const key of ANSWERS[name].required) expect(said).toHaveProperty(key);
  });

  test("is answered with at least these keys, spelled so", () => {
    const { codec, json, value } = ANSWERS[name];
    expect(JSON.parse(new TextDecoder().decode(encodeWire(codec, value)))).toMatchObject(JSON.parse(json));
  });

  test("is read as it was answered, with keys of a later version passed over", () => {
    const { codec, json, value } = ANSWERS[name];
    expect(decodeJson(codec, json)).toEqual(value);
    expect(decodeJson(codec, json.replace("{", '{"later":[{"pid":1}],'))).toEqual(value);
  });

  test("is read from a daemon that says only what it must, and from no other", () => {
    const { codec, json, required } = ANSWERS[name];
    expect(schemaOf(codec).required).toEqual([...required]);
    const all = JSON.parse(json) as Record<string, unknown>;
    const least = Object.fromEntries(required.map((key) => [key, all[key]]));
    expect(decodeJson(codec, JSON.stringify(least))).toMatchObject({ pid: 42 });
    for (const key of required) {
      const { [key]: _, ...rest } = least;
      expect(() => decodeJson(codec, JSON.stringify(rest))).toThrow(`expected a ${key}, found none`);
    }
  });
});

test("a moot in an answer to status needs no more than it did", () => {
  const [group] = JSON.parse(ANSWERS.status.json).groups as [Record<string, unknown>];
  const required = ["group_id", "members", "messages", "merkle_root", "roster_head"];
  const least = Object.fromEntries(required.map((key) => [key, group[key]]));
  const answer = { ...JSON.parse(ANSWERS.status.json), groups: [least], transport: { carrier: "none" } };
  expect(decodeJson(status.answer, JSON.stringify(answer)).groups).toMatchObject([
    { members: 2, messages: 9, name: "" },
  ]);
});

describe("what goes with every operation", () => {
  const roles: [role: OperationRole, number: string][] = [
    ["call", "01"],
    ["answer", "02"],
    ["event", "03"],
    ["failure", "04"],
    ["cancel", "05"],
    ["credit", "06"],
  ];
  test.each(roles)("the role %s is written as %s", (role, number) => {
    const frame = {
      kind: "operation",
      role,
      call: 0x01020304,
      room: 0x0a0b0c0d,
      operation: "stop",
      body: new Uint8Array(0),
    } as const;
    expect(encodeControlFrame(frame).toHex()).toBe(
      `0000002d90${"01"}${number}0000${"01020304"}${"0a0b0c0d"}${hex("stop").padEnd(2 * NAME_BYTES, "0")}`,
    );
  });

  test("a failure says its code and its words", () => {
    const body = encodeFailure(new EntmootError("conflict", "restart: expected <a>, found b"));
    expect(JSON.parse(new TextDecoder().decode(body))).toMatchObject({
      code: "conflict",
      message: "restart: expected <a>, found b",
    });
    const old = '{"code":"conflict","message":"why","group_id":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="}';
    expect(decodeFailure(Buffer.from(old))).toMatchObject({ code: "conflict", message: "why" });
    expect(decodeFailure(Buffer.from('{"code":"later_code","message":"why","later":1}'))).toMatchObject({
      code: "internal",
      controlCode: "LATER_CODE",
      message: "why",
    });
    expect(() => decodeFailure(Buffer.from('{"code":"conflict"}'))).toThrow("expected a message, found none");
  });
});

/** A connection that sends `bytes` and reads the start of what comes back. */
async function rawStream(path: string, bytes: Uint8Array) {
  const came = Promise.withResolvers<Uint8Array>();
  let isOpen = true;
  const closed = () => {
    isOpen = false;
    came.reject(new Error("closed"));
  };
  const socket = await Bun.connect<undefined>({
    unix: path,
    socket: { data: (_, chunk) => came.resolve(chunk), close: () => closed() },
  });
  socket.write(bytes);
  return {
    /** So many bytes behind length and type, as hex. */
    head: async (length: number) => Buffer.from((await came.promise).subarray(5, 5 + length)).toString("hex"),
    isOpen: () => isOpen,
    [Symbol.dispose]: () => socket.terminate(),
  };
}
