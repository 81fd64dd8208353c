import { describe, expect, test } from "bun:test";
import { existsSync, linkSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ControlClient } from "../../src/control/control-client.ts";
import type { FrameConnection } from "../../src/control/frame-connection.ts";
import { within } from "../../src/control/patience.ts";
import { GroupId, RosterEntryId } from "../../src/core/ids.ts";
import { message } from "../../src/core/record/record-codecs.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import type { ControlFrame } from "../../src/wire/control/control-frame.ts";
import { decodeControlFrame, encodeControlFrame } from "../../src/wire/control/control-frame.ts";
import { controlledNode, controlServer } from "../support/control.ts";
import { expectCode } from "../support/expect-code.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const SOON = () => within(5_000);
const text = (words: string) => new TextEncoder().encode(words);

async function ask(connection: FrameConnection, request: ControlFrame): Promise<ControlFrame | null> {
  await connection.send(request, SOON());
  return (await connection.receive(SOON())) as ControlFrame | null;
}

/** Sends bytes as they are and gives everything that comes back. */
async function exchange(path: string, bytes: Uint8Array, { halfClose = false } = {}): Promise<Uint8Array> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const chunks: Uint8Array[] = [];
  const socket = await Bun.connect<undefined>({
    unix: path,
    allowHalfOpen: true,
    socket: {
      data: (_, chunk) => void chunks.push(chunk),
      end: (it) => void it.end(),
      close: () => resolve(Buffer.concat(chunks)),
    },
  });
  socket.write(bytes);
  if (halfClose) socket.shutdown();
  return promise;
}

function frameBytes(type: number, body: string): Uint8Array {
  const bytes = text(body);
  const frame = new Uint8Array(5 + bytes.length);
  new DataView(frame.buffer).setUint32(0, 1 + bytes.length);
  frame[4] = type;
  frame.set(bytes, 5);
  return frame;
}

function replies(bytes: Uint8Array): ControlFrame[] {
  const frames: ControlFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    frames.push(decodeControlFrame(bytes[at + 4]!, bytes.subarray(at + 5, at + 4 + length)) as ControlFrame);
    at += 4 + length;
  }
  return frames;
}

describe("the socket", () => {
  test("is its owner's alone, and gone when the server has ended", async () => {
    await using it = await controlledNode();
    expect(statSync(it.path).mode & 0o777).toBe(0o600);
    await it.server[Symbol.asyncDispose]();
    expect(existsSync(it.path)).toBe(false);
  });

  test("takes the place of one left by a process that died", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "control.sock");
    await using node = await startNode(undefined, 1);
    const dead = Bun.listen({ unix: `${path}.dead`, socket: { data() {} } });
    linkSync(`${path}.dead`, path);
    dead.stop(true);
    await using server = controlServer(path, node);
    await using client = (await ControlClient.connect(directory.path))!;
    expect((await client.status()).pid).toBe(process.pid);
    expect(server.connections).toBeGreaterThanOrEqual(0);
  });

  test("does not take the place of a file", async () => {
    using directory = new TemporaryDirectory();
    const path = join(directory.path, "control.sock");
    await using node = await startNode(undefined, 1);
    writeFileSync(path, "mine");
    expectCode("data_root_invalid", () => controlServer(path, node));
    expect(existsSync(path)).toBe(true);
  });

  test("works in a data root whose path is longer than a socket address", async () => {
    using directory = new TemporaryDirectory();
    const dataDir = join(directory.path, "d".repeat(120), "e".repeat(120));
    mkdirSync(dataDir, { recursive: true });
    await using node = await startNode(undefined, 1);
    await using _server = controlServer(join(dataDir, "control.sock"), node);
    await using client = (await ControlClient.connect(dataDir))!;
    expect((await client.status()).version).toBe("test");
    expect(statSync(join(dataDir, "control.sock")).mode & 0o777).toBe(0o600);
  });

  test("cannot be bound where there is no folder, and says so", async () => {
    using directory = new TemporaryDirectory();
    await using node = await startNode(undefined, 1);
    rmSync(directory.path, { recursive: true });
    const error = expectCode("data_root_invalid", () => controlServer(join(directory.path, "control.sock"), node));
    expect(error.message).toContain("control.sock");
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
  ];
  test.each(malformed)("%s: the connection is closed without a word", async (_, bytes) => {
    await using it = await controlledNode();
    expect(await exchange(it.path, bytes)).toHaveLength(0);
    expect(it.server.connections).toBe(0);
  });

  test("half a frame and then silence: the connection is closed when its time is over", async () => {
    await using it = await controlledNode({ firstFrameMs: 50 });
    expect(await exchange(it.path, new Uint8Array([0, 0, 0, 9, 0x10]))).toHaveLength(0);
  });

  test("an answer: the client is told that it is out of place", async () => {
    await using it = await controlledNode();
    const answer = encodeControlFrame({ kind: "error", type: "error", code: "X", group_id: undefined, message: "" });
    expect(replies(await exchange(it.path, answer))).toMatchObject([
      { kind: "error", code: "INVALID_ARGUMENT", message: "unexpected ipc type error" },
    ]);
    const ours = encodeControlFrame({ kind: "stop_resp", pid: 1 });
    expect(replies(await exchange(it.path, ours))).toMatchObject([{ kind: "refused", code: "invalid_argument" }]);
  });

  test("an extension of a later version: it is refused by name", async () => {
    await using it = await controlledNode();
    expect(replies(await exchange(it.path, frameBytes(0xf0, "{}")))).toMatchObject([
      { kind: "refused", of_type: 0xf0, code: "unknown_frame" },
    ]);
  });

  test("an extension of ours with a body of the wrong shape: it is refused, and says where", async () => {
    await using it = await controlledNode();
    const [reply] = replies(await exchange(it.path, frameBytes(0x94, '{"name":7}')));
    expect(reply).toMatchObject({ kind: "refused", code: "malformed_frame" });
    expect((reply as { message: string }).message).toContain("name");
  });
});

describe("requests of the original", () => {
  test("a client that ends its half after the request gets its answer", async () => {
    await using it = await controlledNode();
    const [reply] = replies(await exchange(it.path, frameBytes(0x14, ""), { halfClose: true }));
    expect(reply).toMatchObject({ kind: "info_resp", running: true, listen_port: 1004, groups: [] });
  });

  test("info gives each Merkle root as 32 numbers", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.createGroup(OPEN_GROUP);
    await it.node.publish({ groupId: group_id, topics: ["a"], content: text("x") });
    const raw = await exchange(it.path, frameBytes(0x14, "{}"));
    const body = JSON.parse(new TextDecoder().decode(raw.subarray(5)));
    expect(Object.keys(body)).toEqual([
      "pilot_node_id",
      "entmoot_pubkey",
      "listen_port",
      "data_dir",
      "groups",
      "running",
    ]);
    expect(body.groups[0].merkle_root).toHaveLength(32);
    expect(body.groups[0].merkle_root.every((byte: unknown) => Number.isInteger(byte))).toBe(true);
    expect(body.groups[0].group_id).toBe(GroupId.toBase64(group_id));
  });

  test("publish without a group takes the only one, and says why it cannot where there are none or more", async () => {
    await using it = await controlledNode();
    const publish = { kind: "publish_req", group_id: undefined, topics: ["chat"], content: text("hi") } as const;
    const ask1 = async (request: ControlFrame) => {
      using connection = await it.connect();
      return await ask(connection, request);
    };
    expect(await ask1(publish)).toMatchObject({ kind: "error", code: "GROUP_NOT_FOUND", message: "no active groups" });
    const { group_id } = await it.node.createGroup(OPEN_GROUP);
    expect(await ask1(publish)).toMatchObject({ kind: "publish_resp", group_id });
    expect(await ask1({ ...publish, topics: [] })).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "no topics supplied",
    });
    expect(await ask1({ ...publish, topics: [""] })).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "empty topic",
    });
    const unknown = GroupId.fromBytes(new Uint8Array(32).fill(9));
    expect(await ask1({ ...publish, group_id: unknown })).toMatchObject({
      kind: "error",
      code: "GROUP_NOT_FOUND",
      group_id: unknown,
      message: "group not joined",
    });
    await it.node.createGroup(OPEN_GROUP);
    expect(await ask1(publish)).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "group_id is required when multiple groups are active",
    });
  });

  test("join needs exactly one of invite and open invite", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.createGroup(OPEN_GROUP);
    const invite = await it.node.mintInvite({ groupId: group_id, peers: undefined, validForMs: 60_000 });
    const base = {
      kind: "join_group_req",
      invite,
      open_invite: undefined,
      group_metadata: undefined,
      group_policy: undefined,
      timeout_ms: 1_000n,
    } as const;
    const openInvite = {
      issuer_url: "https://a.example",
      token: "t",
      expected_group_id: undefined,
      expected_issuer: undefined,
    };
    for (const request of [
      { ...base, open_invite: openInvite },
      { ...base, invite: { ...invite, group_id: GroupId.zero } },
      { ...base, invite: { ...invite, group_id: GroupId.zero }, open_invite: openInvite },
    ]) {
      using connection = await it.connect();
      expect(await ask(connection, request)).toMatchObject({ kind: "error", code: "INVALID_ARGUMENT" });
    }
    using connection = await it.connect();
    const reply = await ask(connection, base);
    expect(reply).toMatchObject({ kind: "join_group_resp", status: "already_joined", group_id, members: 1 });
    const readiness = JSON.parse((reply as { readiness: string }).readiness);
    expect(readiness).toMatchObject({ event: "joined", group_id: GroupId.toBase64(group_id), members: 1 });
  });

  test("an error names the group it is about, if any, and says what failed as the original does", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.createGroup(OPEN_GROUP);
    const invite = await it.node.mintInvite({ groupId: group_id, peers: undefined, validForMs: 60_000 });
    const join = {
      kind: "join_group_req",
      open_invite: undefined,
      group_metadata: undefined,
      group_policy: undefined,
      timeout_ms: 0n,
    } as const;
    const zero = message.zero();
    const [INVALID_ARGUMENT, none] = ["INVALID_ARGUMENT", undefined];
    const cases: [request: ControlFrame, group: GroupId | undefined, code: string, text: RegExp][] = [
      [{ kind: "publish_req", group_id, topics: [], content: null }, none, INVALID_ARGUMENT, /^no topics supplied$/],
      [{ kind: "signed_publish_req", message: zero }, GroupId.zero, "GROUP_NOT_FOUND", /^group not joined$/],
      [
        { kind: "signed_publish_req", message: { ...zero, group_id } },
        group_id,
        "NOT_MEMBER",
        /^signed publish: entmoot: author not a group member/,
      ],
      [
        { ...join, invite: { ...invite, valid_until: 1n + invite.valid_until } },
        group_id,
        INVALID_ARGUMENT,
        /^join group: entmoot: signature invalid: invite signature does not verify$/,
      ],
      [
        { ...join, invite: { ...invite, group_id: GroupId.zero } },
        none,
        INVALID_ARGUMENT,
        /^join group: invite malformed: join request requires exactly one signed invite or open invite$/,
      ],
      [
        { kind: "invite_authority_check_req", group_id: GroupId.zero },
        none,
        INVALID_ARGUMENT,
        /^invite_authority_check requires group_id$/,
      ],
      [
        { kind: "member_remove_req", group_id, target: { pilot_node_id: 0, entmoot_pubkey: null } },
        group_id,
        INVALID_ARGUMENT,
        /^member_remove requires target agent identity/,
      ],
      [
        { kind: "diag_probe_req", group_id, peers: Array(257).fill(1), timeout_ms: 0n },
        group_id,
        INVALID_ARGUMENT,
        /^too many peers for one diagnostic probe/,
      ],
      [
        { kind: "member_remove_resp", status: "", group_id, roster_head: RosterEntryId.zero, members: 0 },
        none,
        INVALID_ARGUMENT,
        /^unexpected ipc type member_remove_resp$/,
      ],
    ];
    for (const [request, group, code, text] of cases) {
      using connection = await it.connect();
      const expected = { kind: "error", type: "error", code, group_id: group, message: expect.stringMatching(text) };
      expect(await ask(connection, request)).toEqual(expected as unknown as ControlFrame);
    }
  });

  test("invite_create takes the target in and refuses what only Pilot could check", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.createGroup(OPEN_GROUP);
    const nothing = new Uint8Array(0);
    const base = {
      kind: "invite_create_req",
      group_id,
      target: { pilot_node_id: 7, entmoot_pubkey: new Uint8Array(32).fill(7) },
      target_pilot_pubkey: nothing,
      require_pilot_identity: false,
      require_pilot_proof: false,
      target_pilot_proof: nothing,
      target_pilot_signature: nothing,
      valid_for_ms: 0n,
      valid_until_ms: 0n,
      bootstrap_peers: [],
    } as const;
    const ask1 = async (request: ControlFrame) => {
      using connection = await it.connect();
      return await ask(connection, request);
    };
    expect(await ask1({ ...base, require_pilot_proof: true })).toMatchObject({ code: "UNAVAILABLE" });
    expect(await ask1({ ...base, target: { pilot_node_id: 0, entmoot_pubkey: null } })).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(await ask1({ ...base, group_id: GroupId.zero })).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(await ask1(base)).toMatchObject({ kind: "invite_create_resp", status: "created", members: 2 });
    const other = { pilot_node_id: 7, entmoot_pubkey: new Uint8Array(32).fill(8) };
    expect(await ask1({ ...base, target: other })).toMatchObject({ code: "CONFLICT" });
    const until = BigInt(Date.now()) + 5_000n;
    const both = await ask1({ ...base, valid_for_ms: 1_000n, valid_until_ms: until });
    expect((both as { invite: { valid_until: bigint } }).invite.valid_until).toBe(until);
    const remove = { kind: "member_remove_req", group_id, target: base.target } as const;
    expect(await ask1({ ...remove, target: other })).toMatchObject({ code: "CONFLICT" });
    expect(await ask1(remove)).toMatchObject({ kind: "member_remove_resp", status: "removed", members: 1 });
    expect(await ask1(remove)).toMatchObject({ code: "NOT_MEMBER", message: "target is not a member" });
    expect(await ask1({ kind: "invite_authority_check_req", group_id })).toMatchObject({ status: "ok", members: 1 });
    expect(await ask1({ kind: "invite_authority_check_req", group_id: GroupId.zero })).toMatchObject({
      code: "INVALID_ARGUMENT",
    });
  });

  test("a probe of more than 256 peers is refused", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.createGroup(OPEN_GROUP);
    using connection = await it.connect();
    const peers = Array.from({ length: 257 }, (_, at) => at);
    expect(await ask(connection, { kind: "diag_probe_req", group_id, peers, timeout_ms: 250n })).toMatchObject({
      kind: "error",
      code: "INVALID_ARGUMENT",
    });
  });
});

describe("watchers", () => {
  test("a bad pattern is refused, and so is an unknown group", async () => {
    await using it = await controlledNode();
    using one = await it.connect();
    expect(await ask(one, { kind: "tail_subscribe", group_id: undefined, topic: "a//b" })).toMatchObject({
      kind: "error",
      code: "INVALID_ARGUMENT",
      message: "invalid topic pattern: topic: empty segment in pattern",
    });
    using two = await it.connect();
    const unknown = GroupId.fromBytes(new Uint8Array(32).fill(9));
    expect(await ask(two, { kind: "tail_subscribe", group_id: unknown, topic: "" })).toMatchObject({
      code: "GROUP_NOT_FOUND",
    });
  });

  test("one that does not read for a long time misses nothing, and delays nobody", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.createGroup(OPEN_GROUP);
    using slow = await it.connect();
    await slow.send({ kind: "watch_req", group_id, topic: "#", from: "all", after: undefined, peers: false }, SOON());
    await until(() => it.server.connections === 1);
    // Far more than the buffers of the socket hold.
    const content = new Uint8Array(32 * 1024);
    const wanted: string[] = [];
    for (let at = 0; at < 200; at++) {
      wanted.push((await it.node.publish({ groupId: group_id, topics: ["a"], content })).message_id);
    }
    const got: string[] = [];
    while (got.length < wanted.length) {
      const frame = await slow.receive(SOON());
      if (frame?.kind === "watch_message") got.push(frame.message.id);
    }
    expect(got).toEqual(wanted);
  });

  test("their places are given back when they leave", async () => {
    await using it = await controlledNode();
    for (let round = 0; round < 3; round++) {
      const watchers = await Promise.all(Array.from({ length: 100 }, () => it.connect()));
      for (const watcher of watchers) {
        await watcher.send({ kind: "tail_subscribe", group_id: undefined, topic: "" }, SOON());
      }
      await until(() => it.server.connections === 100);
      for (const watcher of watchers) watcher[Symbol.dispose]();
      await until(() => it.server.connections === 0);
    }
  });

  test("past their number a further one is refused, and requests are still answered", async () => {
    await using it = await controlledNode();
    const watchers = await Promise.all(Array.from({ length: 192 }, () => it.connect()));
    for (const watcher of watchers) {
      await watcher.send({ kind: "tail_subscribe", group_id: undefined, topic: "" }, SOON());
    }
    await until(() => it.server.connections === 192);
    using further = await it.connect();
    expect(await ask(further, { kind: "tail_subscribe", group_id: undefined, topic: "" })).toMatchObject({
      code: "UNAVAILABLE",
    });
    using request = await it.connect();
    expect(await ask(request, { kind: "info_req" })).toMatchObject({ kind: "info_resp" });
    for (const watcher of watchers) watcher[Symbol.dispose]();
  });
});

test("past 256 clients a further one is told to try again", async () => {
  await using it = await controlledNode();
  const clients = await Promise.all(Array.from({ length: 256 }, () => it.connect()));
  await until(() => it.server.connections === 256);
  using further = await it.connect();
  expect(await further.receive(SOON())).toMatchObject({ kind: "error", code: "UNAVAILABLE" });
  for (const client of clients) client[Symbol.dispose]();
});

test("64 callers at once are all answered, each by its own message", async () => {
  await using it = await controlledNode();
  const { group_id } = await it.node.createGroup(OPEN_GROUP);
  await using client = (await ControlClient.connect(it.dataDir))!;
  const published = await Promise.all(
    Array.from({ length: 64 }, (_, at) => client.publish({ groupId: group_id, topics: ["a"], content: text(`${at}`) })),
  );
  expect(new Set(published.map(({ message_id }) => message_id)).size).toBe(64);
  expect((await client.status()).groups[0]?.messages).toBe(64);
});

test("two nodes can be joined over their control sockets", async () => {
  const network = new MemoryNetwork(realClock);
  await using one = await controlledNode({ network, n: 1 });
  await using two = await controlledNode({ network, n: 2 });
  await using founder = (await ControlClient.connect(one.dataDir))!;
  await using joiner = (await ControlClient.connect(two.dataDir))!;
  const { group_id } = await founder.createGroup({ ...OPEN_GROUP, name: "council" });
  const { link } = await founder.createLink({ groupId: group_id, uses: 1, validForMs: 60_000 });
  const stages: string[] = [];
  const joined = await joiner.join({ input: link, timeoutMs: 60_000, onProgress: ({ stage }) => stages.push(stage) });
  expect(joined).toMatchObject({ status: "joined", group_id, members: 2 });
  expect(stages).toContain("redeemed");
  expect((await joiner.status()).groups[0]).toMatchObject({ group_id, members: 2, founder: false, local_member: true });
});
