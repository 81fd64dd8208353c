import { describe, expect, test } from "bun:test";
import { linkSync } from "node:fs";
import { join } from "node:path";
import { bindSocket } from "../../src/control/bind-socket.ts";
import { ControlClient } from "../../src/control/control-client.ts";
import { ControlConnection } from "../../src/control/control-connection.ts";
import { ControlError, controlFailure, errorCodeOf } from "../../src/control/control-error.ts";
import { encodeUtf8 as text } from "../../src/core/bytes/utf8.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { STATUS } from "../../src/core/failure-table.ts";
import { GroupId, MessageId, PublicKey } from "../../src/core/ids.ts";
import { encodeWire } from "../../src/core/json/json-codec.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status, stop, version } from "../../src/node/operations/daemon.ts";
import { probe } from "../../src/node/operations/diagnosis.ts";
import { invite_mint, join as joinBy, link_create, link_list, link_revoke } from "../../src/node/operations/invites.ts";
import { messages, publish, publish_signed } from "../../src/node/operations/messages.ts";
import {
  group_create,
  invite_authority,
  member_admit,
  member_expel,
  peers,
  roster_change,
} from "../../src/node/operations/moots.ts";
import type { AnswerOf } from "../../src/node/operations/operation.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { readiness } from "../../src/view/readiness.ts";
import { type ControlledNode, controlledNode } from "../support/control.ts";
import { identity } from "../support/identity.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { OPEN_GROUP, startNode, until } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const UNKNOWN = GroupId.fromBytes(new Uint8Array(32).fill(9));

async function clientOf(it: ControlledNode): Promise<ControlClient> {
  return (await ControlClient.connect(it.dataDir, realClock))!;
}

describe("finding the daemon", () => {
  test("no data root and no socket are no daemon", async () => {
    using directory = new TemporaryDirectory();
    expect(await ControlClient.connect(directory.path, realClock)).toBeUndefined();
    expect(await ControlClient.connect(join(directory.path, "none"), realClock)).toBeUndefined();
  });

  test("a socket nobody listens on is no daemon", async () => {
    await using it = await controlledNode();
    linkSync(it.path, `${it.path}.kept`);
    await it.server[Symbol.asyncDispose]();
    linkSync(`${it.path}.kept`, it.path);
    expect(await ControlClient.connect(it.dataDir, realClock)).toBeUndefined();
  });

  test("one that ends between two requests is missed with a code of its own", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    await client.call(status, {});
    await it.server[Symbol.asyncDispose]();
    await expect(client.call(status, {})).rejects.toMatchObject({ code: "control_unavailable" });
  });
});

/** Without what becomes less while one asks. */
function withoutRest(told: AnswerOf<typeof status>) {
  const groups = told.groups.map((each) => ({ ...each, retention: { ...each.retention, clock_rest_ms: 0 } }));
  return { ...told, groups };
}

describe("what the client says is what the node says", () => {
  test("status, groups, rosters, invites and links", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const created = await client.call(group_create, {
      ...OPEN_GROUP,
      name: "council",
      tags: ["a", "b"],
      join_mode: "open_invite",
    });
    expect(created.open_invite?.link).toStartWith("entmoot://join/");
    const { group_id } = created;
    const entmoot_pubkey = PublicKey.fromBytes(identity(33).publicKey);
    const added = await client.call(roster_change, { group_id, op: "add", node_id: 77, entmoot_pubkey });
    expect(added).toMatchObject({ group_id, members: 2, subject: { pilot_node_id: 77 } });
    expect(withoutRest(await client.call(status, {}))).toEqual(withoutRest(await it.node.call(status, {})));
    expect(await client.call(peers, { group_id })).toEqual(await it.node.call(peers, { group_id }));
    const link = await client.call(link_create, { group_id, uses: 3 });
    expect(await client.call(link_list, { group_id })).toEqual(await it.node.call(link_list, { group_id }));
    const revoked = await client.call(link_revoke, { group_id, link: link.id });
    expect(revoked).toMatchObject({ id: link.id, status: "revoked" });
    const { invite } = await client.call(invite_mint, { group_id, peers: [77], valid_for_ms: 60_000 });
    expect(invite).toMatchObject({ group_id, bootstrap_peers: [{ node_id: 77 }] });
    expect(await client.call(roster_change, { group_id, op: "remove", entmoot_pubkey })).toMatchObject({ members: 1 });
    expect(await client.call(invite_authority, { group_id })).toEqual(
      await it.node.call(invite_authority, { group_id }),
    );
    const target = { pilot_node_id: 5, entmoot_pubkey: identity(35).publicKey };
    const admitted = await client.call(member_admit, { group_id, target, valid_for_ms: 60_000 });
    expect(admitted).toMatchObject({ group_id, members: 2 });
    expect(await client.call(member_expel, { group_id, target })).toMatchObject({ members: 1 });
  });

  test("the same token publishes once", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id } = await client.call(group_create, OPEN_GROUP);
    const request = { group_id, topics: ["a"], content: text("once"), token: new Uint8Array(16).fill(1) };
    const first = await client.call(publish, request);
    expect(await client.call(publish, request)).toEqual({ ...first, duplicate: true });
    expect((await client.call(status, {})).groups[0]?.messages).toBe(1);
  });

  test("a message signed elsewhere is taken in, and a forged one is not", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id } = await client.call(group_create, OPEN_GROUP);
    await client.call(publish, { group_id, topics: ["a"], content: text("x") });
    const { message } = (await client.call(messages, { group_id })).messages[0]!;
    expect(await client.call(publish_signed, { message })).toMatchObject({ message_id: message.id, group_id });
    const forged = { ...message, id: MessageId.fromBytes(new Uint8Array(32).fill(1)) };
    await expect(client.call(publish_signed, { message: forged })).rejects.toMatchObject({ code: "signature_invalid" });
    const changed = { ...message, content: text("y") };
    await expect(client.call(publish_signed, { message: changed })).rejects.toMatchObject({
      code: "signature_invalid",
    });
  });

  test("peers answer a probe, and one that is not there is a row with a reason", async () => {
    const network = new MemoryNetwork(realClock);
    await using one = await controlledNode({ network, n: 1 });
    await using other = await startNode(network, 2);
    await using client = await clientOf(one);
    const { group_id } = await client.call(group_create, OPEN_GROUP);
    const { link } = await client.call(link_create, { group_id });
    const { local_node_id } = await other.call(joinBy, { input: link, timeout_ms: 60_000 });
    const gone = await client.call(roster_change, {
      group_id,
      op: "add",
      entmoot_pubkey: PublicKey.fromBytes(identity(39).publicKey),
    });
    const asked = [local_node_id, gone.subject.pilot_node_id, 4];
    const { peers: rows } = await client.call(probe, { group_id, peers: asked, timeout_ms: 250 });
    expect(rows).toMatchObject([
      { node_id: local_node_id, ok: true, responder: local_node_id },
      { ok: false },
      { ok: false },
    ]);
    expect(rows[1]!.error).toBeString();
    expect(rows[2]!.error).toContain("not found");
    const many = Array.from({ length: 256 }, (_, at) => at + 10);
    expect((await client.call(probe, { group_id, peers: many, timeout_ms: 250 })).peers).toHaveLength(256);
    await expect(client.call(probe, { group_id, peers: [...many, 9] })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  test("readiness is the same through the socket", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id: groupId } = await client.call(group_create, OPEN_GROUP);
    const seen = await readiness(client, { groupId, status: "joined" });
    expect(seen).toEqual(await readiness(it.node, { groupId, status: "joined" }));
    expect(Object.keys(seen)).toEqual(Object.keys(seen).toSorted());
    expect(seen).toMatchObject({ event: "joined", group_id: GroupId.toBase64(groupId), members: 1 });
  });

  test("two nodes can be joined over their control sockets", async () => {
    const network = new MemoryNetwork(realClock);
    await using one = await controlledNode({ network, n: 1 });
    await using two = await controlledNode({ network, n: 2 });
    await using founder = await clientOf(one);
    await using joiner = await clientOf(two);
    const { group_id } = await founder.call(group_create, { ...OPEN_GROUP, name: "council" });
    const { link } = await founder.call(link_create, { group_id, uses: 1, valid_for_ms: 60_000 });
    const stages: string[] = [];
    const joined = await joiner.call(
      joinBy,
      { input: link, timeout_ms: 60_000 },
      { onEvent: ({ stage }) => void stages.push(stage) },
    );
    expect(joined).toMatchObject({ status: "joined", group_id, members: 2 });
    expect(stages).toContain("redeemed");
    expect((await joiner.call(status, {})).groups[0]).toMatchObject({
      group_id,
      members: 2,
      founder: false,
      local_member: true,
    });
  });
});

describe("a refusal keeps its code", () => {
  test("exactly, with the original's word for it", async () => {
    await using it = await controlledNode();
    await using client = await clientOf(it);
    const { group_id } = await client.call(group_create, OPEN_GROUP);
    await expect(client.call(link_list, { group_id: UNKNOWN })).rejects.toMatchObject({
      code: "group_not_found",
      controlCode: "GROUP_NOT_FOUND",
    });
    await expect(client.call(link_revoke, { group_id, link: "0123456789abcdef" })).rejects.toMatchObject({
      code: "not_found",
      controlCode: "INVALID_ARGUMENT",
    });
    await expect(client.call(joinBy, { input: "{}", timeout_ms: 100 })).rejects.toBeInstanceOf(ControlError);
    await expect(client.call(invite_authority, { group_id: UNKNOWN })).rejects.toMatchObject({
      code: "group_not_found",
    });
  });

  test("every code of ours has a word of the original's, which leads to the same exit status", () => {
    for (const [code, { control, exit }] of Object.entries(STATUS)) {
      const failure = controlFailure(new EntmootError(code as keyof typeof STATUS, "why"));
      expect(failure).toEqual({ code: control, message: "why" });
      // "No daemon", "another daemon" and "too few" are never said by a daemon.
      // To the original's clients a rate limit is like any other time at which it cannot be done.
      if (![6, 7, 8].includes(exit) && code !== "not_found") expect(STATUS[errorCodeOf(control)].exit).toBe(exit);
    }
    expect(errorCodeOf("LATER_CODE")).toBe("internal");
    expect(controlFailure(new TypeError("/secret/path"))).toMatchObject({ code: "INTERNAL" });
    expect(controlFailure(new TypeError("/secret/path")).message).not.toContain("secret");
  });
});

describe("a daemon that does not answer", () => {
  /** Somebody who says what it is, and nothing more. */
  async function silence() {
    const directory = new TemporaryDirectory();
    const clock = new ManualClock();
    const listener = await bindSocket(join(directory.path, "control.sock"), clock, async (stream) => {
      const connection = new ControlConnection(stream, () => 1024);
      const frame = await connection.receive().catch(() => null);
      if (frame?.kind !== "operation" || frame.operation !== version.name) return;
      const body = encodeWire(version.answer, { version: "1", commit: "", date: "", pid: 1 });
      await connection.send({ ...frame, role: "answer", room: 0, body });
    });
    const client = (await ControlClient.connect(directory.path, clock))!;
    return {
      client,
      clock,
      async [Symbol.asyncDispose]() {
        await client[Symbol.asyncDispose]();
        listener.stop(true);
        directory[Symbol.dispose]();
      },
    };
  }

  test("is given up after the operation's patience, or the one given", async () => {
    await using it = await silence();
    // It has said what it is: what waits from here on are the calls.
    expect(await it.client.isOriginal()).toBeFalse();
    const asked = it.client.call(publish, { topics: ["a"], content: text("x") }).catch((error: unknown) => error);
    const hurried = it.client
      .call(publish, { topics: ["a"], content: text("x") }, { timeoutMs: 20 })
      .catch((error: unknown) => error);
    await until(() => it.clock.waiting === 2);
    it.clock.advance(20);
    expect(await hurried).toMatchObject({
      code: "timeout",
      message: "no answer from the daemon within 20 ms; it may have acted all the same",
    });
    const looked = it.client.call(status, {}, { timeoutMs: 20 }).catch((error: unknown) => error);
    await until(() => it.clock.waiting === 2);
    it.clock.advance(20);
    expect(await looked).toMatchObject({ code: "timeout", message: "no answer from the daemon within 20 ms" });
    it.clock.advance(29_959);
    expect(it.clock.waiting).toBe(1);
    it.clock.advance(1);
    expect(await asked).toMatchObject({ code: "timeout", message: expect.stringContaining("within 30 s") });
  });

  test("is given up when it should end and does not", async () => {
    await using it = await silence();
    const asked = it.client.callLast(stop, {}, 20).catch((error: unknown) => error);
    await until(() => it.clock.waiting === 2);
    it.clock.advance(20);
    expect(await asked).toMatchObject({ code: "timeout" });
  });

  test("or does not even say what it is, is given up just so, and told that nothing was asked", async () => {
    using directory = new TemporaryDirectory();
    const clock = new ManualClock();
    const listener = await bindSocket(join(directory.path, "control.sock"), clock, () => {});
    await using client = (await ControlClient.connect(directory.path, clock))!;
    const ask = (timeoutMs: number) => client.call(messages, {}, { timeoutMs }).catch((error: unknown) => error);
    const [hurried, patient] = [ask(20), ask(90)];
    await until(() => clock.waiting === 2);
    clock.advance(20);
    const told = (ms: number) => `it has not said within ${ms} ms what it is, and was asked nothing else`;
    expect(await hurried).toMatchObject({ code: "control_unavailable", message: expect.stringContaining(told(20)) });
    clock.advance(70);
    expect(await patient).toMatchObject({ code: "control_unavailable", message: expect.stringContaining(told(90)) });
    listener.stop(true);
  });

  test("and is told that a caller has left frees it a second later", async () => {
    await using it = await silence();
    const left = new AbortController();
    const asked = it.client.call(messages, {}, { signal: left.signal }).catch((error: unknown) => error);
    await until(() => it.clock.waiting === 1);
    left.abort();
    it.clock.advance(1_000);
    expect(await asked).toMatchObject({ code: "unavailable", message: "messages: given up by its caller" });
  });
});
