import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { bindSocket } from "../../src/control/bind-socket.ts";
import { ControlClient } from "../../src/control/control-client.ts";
import { ControlConnection } from "../../src/control/control-connection.ts";
import { encodeUtf8 as text } from "../../src/core/bytes/utf8.ts";
import { GroupId, MessageId } from "../../src/core/ids.ts";
import { message as messageRecord } from "../../src/core/record/record-codecs.ts";
import type { Message } from "../../src/core/record/records.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status, stop } from "../../src/node/operations/daemon.ts";
import { probe } from "../../src/node/operations/diagnosis.ts";
import { eventsOf } from "../../src/node/operations/events.ts";
import { link_list } from "../../src/node/operations/invites.ts";
import { publish, publish_signed, watch } from "../../src/node/operations/messages.ts";
import { invite_authority, member_admit, member_expel } from "../../src/node/operations/moots.ts";
import type { ControlFrame } from "../../src/wire/control/control-frame.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { until } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const group_id = GroupId.fromBytes(new Uint8Array(32).fill(1));
const message_id = MessageId.fromBytes(new Uint8Array(32).fill(2));
const author = { pilot_node_id: 45_491, entmoot_pubkey: new Uint8Array(32).fill(3) };
const message: Message = {
  ...messageRecord.zero(),
  id: message_id,
  group_id,
  author,
  timestamp: 5n,
  topics: ["a"],
  content: text("x"),
  signature: new Uint8Array(64),
};

function answer(request: ControlFrame): ControlFrame[] {
  switch (request.kind) {
    case "info_req":
      return [
        {
          kind: "info_resp",
          ...author,
          listen_port: 1004,
          data_dir: "/d",
          groups: [{ group_id, members: 2, messages: 9, merkle_root: undefined }],
          running: true,
        },
      ];
    case "publish_req":
      return [{ kind: "publish_resp", message_id, group_id, timestamp_ms: 5n }];
    case "signed_publish_req":
      return [
        { kind: "signed_publish_resp", status: "accepted", message_id, group_id, author: 45_491, timestamp_ms: 5n },
      ];
    case "tail_subscribe":
      return [{ kind: "tail_event", message }];
    case "diag_probe_req":
      return [
        {
          kind: "diag_probe_resp",
          group_id,
          peers: [
            { node_id: 7, ok: true, rtt_ms: 3n, error: "", responder: 7, received_ms: 9n },
            { node_id: 8, ok: false, rtt_ms: 0n, error: "timeout", responder: 0, received_ms: 0n },
          ],
        },
      ];
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
}

/** An original daemon: one request a connection, and any frame it does not know closes without a word. */
async function world({ silent = false, clock = realClock as ManualClock | typeof realClock } = {}) {
  const directory = new TemporaryDirectory();
  const asked: string[] = [];
  const path = join(directory.path, "control.sock");
  const listener = await bindSocket(path, clock, (stream) => void serve(new ControlConnection(stream, () => -1)));
  async function serve(connection: ControlConnection): Promise<void> {
    const frame = await connection.receive().catch(() => null);
    if (frame !== null) asked.push(frame.kind);
    const isKnown = frame !== null && frame.kind !== "unknown_extension" && frame.kind !== "unreadable";
    if (isKnown && frame.kind !== "operation") {
      if (silent) return;
      for (const reply of answer(frame)) await connection.send(reply);
    }
    connection[Symbol.dispose]();
  }
  const client = (await ControlClient.connect(directory.path, clock))!;
  return {
    asked,
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      listener.stop(true);
      directory[Symbol.dispose]();
    },
  };
}

describe("an original daemon", () => {
  test("is asked in the words it knows", async () => {
    await using it = await world();
    expect(await it.client.originalInfo()).toMatchObject({
      pilot_node_id: 45_491,
      groups: [{ group_id, messages: 9, merkle_root: undefined }],
    });
    expect(await it.client.describe()).toEqual({ original: (await it.client.originalInfo())! });
    const published = {
      group_id,
      message_id,
      author,
      timestamp_ms: 5n,
      duplicate: undefined,
      behind_ms: undefined,
      unmet_mentions: undefined,
    };
    expect(await it.client.call(publish, { topics: ["a"], content: text("x") })).toEqual(published);
    const once = { topics: ["a"], content: text("x"), token: new Uint8Array(16) };
    await expect(it.client.call(publish, once)).rejects.toMatchObject({ code: "unsupported" });
    expect(await it.client.call(publish_signed, { message })).toEqual(published);
    const [event] = await Array.fromAsync(eventsOf(it.client, watch, { group_id, topic: "#", peers: true }));
    expect(event).toMatchObject({ kind: "message", seq: 0, message: { id: message_id } });
    expect((await it.client.call(probe, { group_id, peers: [7, 8] })).peers).toMatchObject([
      { node_id: 7, ok: true, rtt_ms: 3, error: undefined, responder: 7, received_ms: 9 },
      { node_id: 8, ok: false, rtt_ms: undefined, error: "timeout", responder: undefined, received_ms: undefined },
    ]);
  });

  test("is known by one question, however many calls there are and whatever the first is", async () => {
    const firsts: ((client: ControlClient) => Promise<unknown>)[] = [
      (client) => client.isOriginal(),
      (client) => client.describe(),
      (client) => client.call(status, {}),
      (client) => client.call(publish, { topics: ["a"], content: text("x") }),
      (client) => client.call(link_list, { group_id }),
      (client) => client.callLast(stop, {}, 1_000),
      (client) => Promise.all([client.originalInfo(), client.call(link_list, { group_id }).catch(() => {})]),
    ];
    for (const first of firsts) {
      await using it = await world();
      await first(it.client).catch(() => {});
      await it.client.originalInfo();
      await it.client.call(link_list, { group_id }).catch(() => {});
      const unknown = it.asked.filter((kind) => kind === "operation");
      expect(unknown).toHaveLength(1);
      expect(it.asked.indexOf("operation")).toBe(0);
    }
  });

  test("keeps the codes of its refusals", async () => {
    await using it = await world();
    const refused = { code: "not_member", controlCode: "NOT_MEMBER", message: "local node 5 is not a member" };
    const target = { pilot_node_id: 7, entmoot_pubkey: new Uint8Array(32) };
    await expect(it.client.call(invite_authority, { group_id })).rejects.toMatchObject(refused);
    await expect(it.client.call(member_admit, { group_id, target })).rejects.toMatchObject(refused);
    await expect(it.client.call(member_expel, { group_id, target })).rejects.toMatchObject(refused);
  });

  test("what it cannot do is said in words", async () => {
    await using it = await world();
    await expect(it.client.call(link_list, { group_id })).rejects.toMatchObject({
      code: "unsupported",
      message: expect.stringMatching(
        /control\.sock is the original's, which does not know link_list: .* knows no links/,
      ),
    });
  });

  test("cannot be ended by ours, which is said in words even when it is the first thing asked", async () => {
    await using it = await world();
    await expect(it.client.callLast(stop, {}, 1_000)).rejects.toMatchObject({ code: "unsupported" });
  });

  test("that closes in the middle of a large request is known all the same", async () => {
    await using it = await world();
    const content = new Uint8Array(4 * 1024 * 1024);
    expect(await it.client.call(publish, { topics: ["a"], content })).toMatchObject({ message_id });
  });

  test("that does not answer is given up after the call's patience", async () => {
    const clock = new ManualClock();
    await using it = await world({ silent: true, clock });
    const asked = it.client.originalInfo(400).catch((error: unknown) => error);
    await until(() => it.asked.includes("info_req"));
    clock.advance(400);
    expect(await asked).toMatchObject({ code: "timeout", message: expect.stringContaining("within 400 ms") });
  });
});
