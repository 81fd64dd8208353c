import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { bindSocket } from "../../src/control/bind-socket.ts";
import { ControlClient } from "../../src/control/control-client.ts";
import { ControlError, controlFailure, errorCodeOf } from "../../src/control/control-error.ts";
import { FrameConnection } from "../../src/control/frame-connection.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { STATUS } from "../../src/core/failure-table.ts";
import { GroupId, MerkleRoot, MessageId, PublicKey } from "../../src/core/ids.ts";
import type { Message } from "../../src/core/record/records.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { WatchEvent } from "../../src/node/operations.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { readiness } from "../../src/view/readiness.ts";
import type { ControlFrame } from "../../src/wire/control/control-frame.ts";
import { decodeControlFrame } from "../../src/wire/control/control-frame.ts";
import { EXTENSION_TYPE_MIN } from "../../src/wire/frame/frame-types.ts";
import { type ControlledNode, controlledNode, controlServer } from "../support/control.ts";
import { OPEN_GROUP, startNode } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const text = (words: string) => new TextEncoder().encode(words);
const UNKNOWN = GroupId.fromBytes(new Uint8Array(32).fill(9));

async function clientOf(it: ControlledNode): Promise<ControlClient> {
  return (await ControlClient.connect(it.dataDir))!;
}

/** The first `count` messages of a watch. */
async function take(
  events: AsyncIterable<WatchEvent>,
  count: number,
): Promise<Extract<WatchEvent, { kind: "message" }>[]> {
  const taken: Extract<WatchEvent, { kind: "message" }>[] = [];
  for await (const event of events) {
    if (event.kind === "message") taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

describe("finding the daemon", () => {
  test("no data root and no socket are no daemon", async () => {
    using directory = new TemporaryDirectory();
    expect(await ControlClient.connect(directory.path)).toBeUndefined();
    expect(await ControlClient.connect(join(directory.path, "none"))).toBeUndefined();
  });

  test("a socket nobody listens on is no daemon", async () => {
    await using it = await controlledNode();
    const { linkSync } = await import("node:fs");
    linkSync(it.path, `${it.path}.kept`);
    await it.server[Symbol.asyncDispose]();
    linkSync(`${it.path}.kept`, it.path);
    expect(await ControlClient.connect(it.dataDir)).toBeUndefined();
  });

  test("one that ends between two requests is missed with a code of its own", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    await client.status();
    await it.server[Symbol.asyncDispose]();
    await expect(client.status()).rejects.toMatchObject({ code: "control_unavailable" });
  });
});

describe("what the client says is what the node says", () => {
  test("status, groups, rosters, invites and links", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const created = await client.createGroup({
      ...OPEN_GROUP,
      name: "council",
      tags: ["a", "b"],
      join_mode: "open_invite",
    });
    expect(created.open_invite?.link).toStartWith("entmoot://join/");
    const groupId = created.group_id;
    const key = PublicKey.fromBytes(new Uint8Array(32).fill(3));
    const added = await client.changeRoster({ groupId, op: "add", nodeId: 77, key });
    expect(added).toMatchObject({ group_id: groupId, members: 2, subject: { pilot_node_id: 77 } });
    expect(await client.status()).toEqual({ ...(await it.node.status()) });
    expect(await client.peers(groupId)).toEqual(await it.node.peers(groupId));
    const link = await client.createLink({ groupId, uses: 3, validForMs: 0 });
    expect(await client.listLinks(groupId)).toEqual(await it.node.listLinks(groupId));
    expect(await client.revokeLink({ groupId, link: link.id })).toMatchObject({ id: link.id, status: "revoked" });
    const invite = await client.mintInvite({ groupId, peers: [77], validForMs: 60_000 });
    expect(invite).toMatchObject({ group_id: groupId, bootstrap_peers: [{ node_id: 77 }] });
    expect(await client.changeRoster({ groupId, op: "remove", nodeId: undefined, key })).toMatchObject({ members: 1 });
    expect(await client.inviteAuthority(groupId)).toEqual(await it.node.inviteAuthority(groupId));
    const admitted = await client.admit({
      groupId,
      target: { pilot_node_id: 5, entmoot_pubkey: new Uint8Array(32).fill(5) },
      peers: undefined,
      validity: { forMs: 60_000 },
    });
    expect(admitted).toMatchObject({ group_id: groupId, members: 2 });
    const target = { pilot_node_id: 5, entmoot_pubkey: new Uint8Array(32).fill(5) };
    expect(await client.expel({ groupId, target })).toMatchObject({ members: 1 });
  });

  test("the same token publishes once", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id: groupId } = await client.createGroup(OPEN_GROUP);
    const request = { groupId, topics: ["a"], content: text("once"), token: new Uint8Array(16).fill(1) };
    const first = await client.publish(request);
    expect(await client.publish(request)).toEqual(first);
    expect((await client.status()).groups[0]?.messages).toBe(1);
  });

  test("a message signed elsewhere is taken in, and a forged one is not", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id: groupId } = await client.createGroup(OPEN_GROUP);
    await client.publish({ groupId, topics: ["a"], content: text("x") });
    const signal = AbortSignal.timeout(60_000);
    const [event] = await take(client.watch({ groupId, topic: "#", from: "all", peers: false, signal }), 1);
    const message = event!.message;
    expect(await client.publishSigned(message)).toMatchObject({ message_id: message.id, group_id: groupId });
    const forged = { ...message, id: MessageId.fromBytes(new Uint8Array(32).fill(1)) };
    await expect(client.publishSigned(forged)).rejects.toMatchObject({ code: "invalid_argument" });
    const changed = { ...message, content: text("y") };
    await expect(client.publishSigned(changed)).rejects.toMatchObject({ code: "invalid_argument" });
  });

  test("peers answer a probe, and one that is not there is a row with a reason", async () => {
    const network = new MemoryNetwork(realClock);
    await using one = await controlledNode({ network, n: 1 });
    await using other = await startNode(network, 2);
    await using client = await clientOf(one);
    const { group_id: groupId } = await client.createGroup(OPEN_GROUP);
    const { link } = await client.createLink({ groupId, uses: 0, validForMs: 0 });
    const { local_node_id } = await other.join({ input: link, timeoutMs: 60_000 });
    const gone = await client.changeRoster({
      groupId,
      op: "add",
      nodeId: undefined,
      key: PublicKey.fromBytes(new Uint8Array(32).fill(9)),
    });
    const rows = await client.probe({
      groupId,
      peers: [local_node_id, gone.subject.pilot_node_id, 4],
      timeoutMs: 5_000,
    });
    expect(rows).toMatchObject([
      { node_id: local_node_id, ok: true, responder: local_node_id },
      { ok: false },
      { ok: false },
    ]);
    expect(rows[1]!.error).toBeString();
    expect(rows[2]!.error).toContain("not found");
    const many = Array.from({ length: 300 }, (_, at) => at + 10);
    expect(await client.probe({ groupId, peers: many, timeoutMs: 5_000 })).toHaveLength(300);
  });

  test("readiness is the same through the socket", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id: groupId } = await client.createGroup(OPEN_GROUP);
    const seen = await readiness(client, { groupId, status: "joined" });
    expect(seen).toEqual(await readiness(it.node, { groupId, status: "joined" }));
    expect(Object.keys(seen)).toEqual(Object.keys(seen).toSorted());
    expect(seen).toMatchObject({ event: "joined", group_id: GroupId.toBase64(groupId), members: 1 });
  });
});

describe("a refusal keeps its code", () => {
  test("by our own requests exactly, by the original's as far as it has words", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id: groupId } = await client.createGroup(OPEN_GROUP);
    await expect(client.listLinks(UNKNOWN)).rejects.toMatchObject({
      code: "group_not_found",
      controlCode: "GROUP_NOT_FOUND",
    });
    await expect(client.revokeLink({ groupId, link: "0123456789abcdef" })).rejects.toMatchObject({ code: "not_found" });
    await expect(client.join({ input: "{}", timeoutMs: 100 })).rejects.toBeInstanceOf(ControlError);
    await expect(client.inviteAuthority(UNKNOWN)).rejects.toMatchObject({ code: "group_not_found" });
  });

  test("every code of ours has a word of the original's, which leads to the same exit status", () => {
    for (const [code, { control, exit }] of Object.entries(STATUS)) {
      const failure = controlFailure(new EntmootError(code as keyof typeof STATUS, "why"));
      expect(failure).toEqual({ code: control, message: "why" });
      // "No daemon" and "another daemon" are never said by a daemon.
      if (exit !== 6 && code !== "not_found") expect(STATUS[errorCodeOf(control)].exit).toBe(exit);
    }
    expect(errorCodeOf("LATER_CODE")).toBe("internal");
    expect(controlFailure(new TypeError("/secret/path"))).toMatchObject({ code: "INTERNAL" });
    expect(controlFailure(new TypeError("/secret/path")).message).not.toContain("secret");
  });
});

describe("watching", () => {
  test("goes on after the place an earlier watch stopped, nothing lost and nothing twice", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id: groupId } = await client.createGroup(OPEN_GROUP);
    const ids: MessageId[] = [];
    const publish = async (at: number) =>
      void ids.push((await client.publish({ groupId, topics: ["a"], content: text(`${at}`) })).message_id);
    for (let at = 0; at < 5; at++) await publish(at);
    const signal = AbortSignal.timeout(60_000);
    const first = await take(
      client.watch({ groupId, topic: "#", from: "now", after: new Map(), peers: false, signal }),
      3,
    );
    for (let at = 5; at < 8; at++) await publish(at);
    const after = new Map([[groupId, first.at(-1)!.seq]]);
    const rest = await take(client.watch({ groupId, topic: "#", from: "now", after, peers: false, signal }), 5);
    expect([...first, ...rest].map(({ message }) => message.id)).toEqual(ids);
  });

  test("ends without an error when it is aborted, and when the daemon ends", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const ending = new AbortController();
    const aborted = take(
      client.watch({ groupId: undefined, topic: "#", from: "now", peers: true, signal: ending.signal }),
      1,
    );
    ending.abort();
    expect(await aborted).toEqual([]);
    const { signal } = new AbortController();
    const { group_id: groupId } = await client.createGroup(OPEN_GROUP);
    await client.publish({ groupId, topics: ["a"], content: text("x") });
    const seen: WatchEvent[] = [];
    const watching = (async () => {
      for await (const event of client.watch({ groupId, topic: "#", from: "all", peers: false, signal })) {
        seen.push(event);
        await it.server[Symbol.asyncDispose]();
      }
    })();
    await watching;
    expect(seen).toHaveLength(1);
  });
});

/** What an original daemon does with the frames it knows; with any other it closes without a word. */
function originalDaemon(path: string, answer: (request: ControlFrame) => ControlFrame[]) {
  return bindSocket(path, async (stream) => {
    using connection = new FrameConnection(stream);
    const raw = await connection.receiveRaw();
    if (raw === null || raw.type >= EXTENSION_TYPE_MIN) return;
    for (const frame of answer(decodeControlFrame(raw.type, raw.body) as ControlFrame)) await connection.send(frame);
  });
}

describe("an original daemon", () => {
  const groupId = GroupId.fromBytes(new Uint8Array(32).fill(1));
  const messageId = MessageId.fromBytes(new Uint8Array(32).fill(2));
  const message: Message = {
    id: messageId,
    group_id: groupId,
    author: { pilot_node_id: 45_491, entmoot_pubkey: new Uint8Array(32).fill(3) },
    timestamp: 5n,
    topics: ["a"],
    parents: [],
    content: text("x"),
    references: [],
    signature: new Uint8Array(64),
  };
  const answer = (request: ControlFrame): ControlFrame[] => {
    switch (request.kind) {
      case "info_req":
        return [
          {
            kind: "info_resp",
            pilot_node_id: 45_491,
            entmoot_pubkey: new Uint8Array(32).fill(3),
            listen_port: 1004,
            data_dir: "/d",
            groups: [{ group_id: groupId, members: 2, messages: 9, merkle_root: undefined }],
            running: true,
          },
        ];
      case "publish_req":
        return [{ kind: "publish_resp", message_id: messageId, group_id: groupId, timestamp_ms: 5n }];
      case "tail_subscribe":
        return [{ kind: "tail_event", message }];
      default:
        return [
          {
            kind: "error",
            type: "error",
            code: "NOT_MEMBER",
            group_id: undefined,
            message: "local node 5 is not a member",
          },
        ];
    }
  };

  async function world() {
    const directory = new TemporaryDirectory();
    const listener = originalDaemon(join(directory.path, "control.sock"), answer);
    const client = (await ControlClient.connect(directory.path))!;
    return {
      client,
      [Symbol.dispose]() {
        listener.stop(true);
        directory[Symbol.dispose]();
      },
    };
  }

  test("is asked in the words it knows", async () => {
    using it = await world();
    expect(await it.client.status()).toMatchObject({
      pilot_node_id: 45_491,
      groups: [{ group_id: groupId, messages: 9, merkle_root: MerkleRoot.zero }],
    });
    expect(await it.client.publish({ groupId: undefined, topics: ["a"], content: text("x") })).toEqual({
      group_id: groupId,
      message_id: messageId,
      author: { pilot_node_id: 45_491, entmoot_pubkey: new Uint8Array(32).fill(3) },
      timestamp_ms: 5n,
    });
    const { signal } = new AbortController();
    const [event] = await take(it.client.watch({ groupId, topic: "#", from: "now", peers: true, signal }), 1);
    expect(event).toMatchObject({ seq: 0, message: { id: messageId } });
    await expect(it.client.inviteAuthority(groupId)).rejects.toMatchObject({
      code: "not_member",
      message: "local node 5 is not a member",
    });
  });

  test("what it cannot do is said in words", async () => {
    using it = await world();
    await expect(it.client.listLinks(groupId)).rejects.toMatchObject({ code: "unsupported" });
    await expect(it.client.stop()).rejects.toMatchObject({ code: "unsupported" });
  });
});

test("a daemon that does not answer is given up after the deadline", async () => {
  using directory = new TemporaryDirectory();
  const listener = bindSocket(join(directory.path, "control.sock"), () => {});
  await using client = (await ControlClient.connect(directory.path))!;
  await expect(client.publish({ groupId: undefined, topics: ["a"], content: text("x") }, 20)).rejects.toMatchObject({
    code: "timeout",
  });
  await expect(client.stop(20)).rejects.toMatchObject({ code: "timeout" });
  listener.stop(true);
});

test("stop is answered before the end, and done only when the connection ends", async () => {
  using directory = new TemporaryDirectory();
  await using node = await startNode(undefined, 1);
  let stopped = 0;
  const asked = Promise.withResolvers<void>();
  node.stop = async () => {
    stopped += 1;
    asked.resolve();
  };
  await using server = controlServer(join(directory.path, "control.sock"), node);
  await using client = (await ControlClient.connect(directory.path))!;
  // The process of this test does not end, so the wait can only run into its deadline.
  await expect(client.stop(200)).rejects.toMatchObject({ code: "timeout" });
  await asked.promise;
  expect(stopped).toBe(1);
  expect(server.connections).toBeGreaterThanOrEqual(0);
});
