import { describe, expect, test } from "bun:test";
import type { ControlConnection } from "../../src/control/control-connection.ts";
import type { ReadFrame } from "../../src/control/control-language.ts";
import { encodeUtf8 as text } from "../../src/core/bytes/utf8.ts";
import { GroupId, RosterEntryId } from "../../src/core/ids.ts";
import { message } from "../../src/core/record/record-codecs.ts";
import { invite_mint } from "../../src/node/operations/invites.ts";
import { message as oneMessage, publish } from "../../src/node/operations/messages.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import type { ControlFrame } from "../../src/wire/control/control-frame.ts";
import { type ControlledNode, controlledNode } from "../support/control.ts";
import { identity } from "../support/identity.ts";
import { OPEN_GROUP, until } from "../support/nodes.ts";
import { ask, exchange, frameBytes, replies } from "../support/raw-control.ts";

async function askOnce(it: ControlledNode, request: ControlFrame): Promise<ReadFrame | null> {
  using connection = await it.connect();
  return await ask(connection, request);
}

describe("requests of the original", () => {
  test("a client that ends its half after the request gets its answer", async () => {
    await using it = await controlledNode();
    const [reply] = replies(await exchange(it.path, frameBytes(0x14, ""), { halfClose: true }));
    expect(reply).toMatchObject({ kind: "info_resp", running: true, listen_port: 1004, groups: [] });
  });

  test("info gives each Merkle root as 32 numbers", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.call(group_create, OPEN_GROUP);
    await it.node.call(publish, { group_id, topics: ["a"], content: text("x") });
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
    const request = { kind: "publish_req", group_id: undefined, topics: ["chat"], content: text("hi") } as const;
    const ask1 = (request: ControlFrame) => askOnce(it, request);
    expect(await ask1(request)).toMatchObject({ kind: "error", code: "GROUP_NOT_FOUND", message: "no active groups" });
    const { group_id } = await it.node.call(group_create, OPEN_GROUP);
    expect(await ask1(request)).toMatchObject({ kind: "publish_resp", group_id });
    expect(await ask1({ ...request, topics: [] })).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "no topics supplied",
    });
    expect(await ask1({ ...request, topics: [""] })).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "empty topic",
    });
    // As the original takes them: nothing is trimmed or refused that its clients may say.
    const verbatim = { ...request, topics: [" a ", "b", "b"], content: null };
    const { message_id } = (await ask1(verbatim)) as Extract<ControlFrame, { kind: "publish_resp" }>;
    const kept = await it.node.call(oneMessage, { group_id, message_id });
    expect(kept.message).toMatchObject({ topics: [" a ", "b", "b"], content: new Uint8Array(0) });
    const unknown = GroupId.fromBytes(new Uint8Array(32).fill(9));
    expect(await ask1({ ...request, group_id: unknown })).toMatchObject({
      kind: "error",
      code: "GROUP_NOT_FOUND",
      group_id: unknown,
      message: "group not joined",
    });
    await it.node.call(group_create, OPEN_GROUP);
    expect(await ask1(request)).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "group_id is required when multiple groups are active",
    });
  });

  test("join needs exactly one of invite and open invite", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.call(group_create, OPEN_GROUP);
    const { invite } = await it.node.call(invite_mint, { group_id, valid_for_ms: 60_000 });
    const base = {
      kind: "join_group_req",
      invite,
      open_invite: undefined,
      group_metadata: undefined,
      group_policy: undefined,
      timeout_ms: 1_000n,
    } as const;
    const openInvite = {
      issuer_url: "https://10.0.0.1",
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
    const { group_id } = await it.node.call(group_create, OPEN_GROUP);
    const { invite } = await it.node.call(invite_mint, { group_id, valid_for_ms: 60_000 });
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
    const { group_id } = await it.node.call(group_create, OPEN_GROUP);
    const nothing = new Uint8Array(0);
    const base = {
      kind: "invite_create_req",
      group_id,
      target: { pilot_node_id: 7, entmoot_pubkey: identity(37).publicKey },
      target_pilot_pubkey: nothing,
      require_pilot_identity: false,
      require_pilot_proof: false,
      target_pilot_proof: nothing,
      target_pilot_signature: nothing,
      valid_for_ms: 0n,
      valid_until_ms: 0n,
      bootstrap_peers: [],
    } as const;
    const ask1 = (request: ControlFrame) => askOnce(it, request);
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
    expect(await ask1({ ...base, valid_for_ms: -1n })).toMatchObject({ code: "INVALID_ARGUMENT" });
    const forever = (await ask1({ ...base, valid_for_ms: 2n ** 63n - 1n })) as { invite: { valid_until: bigint } };
    expect(forever.invite.valid_until).toBeGreaterThan(until);
    expect(forever.invite.valid_until).toBeLessThan(2n ** 54n);
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
    const { group_id } = await it.node.call(group_create, OPEN_GROUP);
    using connection = await it.connect();
    const peers = Array.from({ length: 257 }, (_, at) => at);
    expect(await ask(connection, { kind: "diag_probe_req", group_id, peers, timeout_ms: 250n })).toMatchObject({
      kind: "error",
      code: "INVALID_ARGUMENT",
    });
  });
});

describe("tails of the original", () => {
  test("a bad pattern is refused, and so is an unknown group", async () => {
    await using it = await controlledNode();
    expect(await askOnce(it, { kind: "tail_subscribe", group_id: undefined, topic: "a//b" })).toMatchObject({
      kind: "error",
      code: "INVALID_ARGUMENT",
      message: "invalid topic pattern: topic: empty segment in pattern",
    });
    const unknown = GroupId.fromBytes(new Uint8Array(32).fill(9));
    expect(await askOnce(it, { kind: "tail_subscribe", group_id: unknown, topic: "" })).toMatchObject({
      code: "GROUP_NOT_FOUND",
    });
  });

  test("one that does not read for a long time misses nothing, and delays nobody", async () => {
    await using it = await controlledNode();
    const { group_id } = await it.node.call(group_create, OPEN_GROUP);
    using slow = await it.connect();
    await slow.send({ kind: "tail_subscribe", group_id, topic: "" });
    await publishUntilTold(it, group_id, slow);
    // Far more than the buffers of the socket hold.
    const content = new Uint8Array(32 * 1024);
    const wanted: string[] = [];
    for (let at = 0; at < 200; at++) {
      wanted.push((await it.node.call(publish, { group_id, topics: ["a"], content })).message_id);
    }
    const got: string[] = [];
    while (got.length < wanted.length) {
      const frame = await slow.receive();
      if (frame?.kind === "tail_event" && frame.message.content.length > 1) got.push(frame.message.id);
    }
    expect(got).toEqual(wanted);
  });

  test("past their number a further one is refused, and requests are still answered", async () => {
    await using it = await controlledNode();
    const watchers = await Promise.all(Array.from({ length: 192 }, () => it.connect()));
    for (const watcher of watchers) await watcher.send({ kind: "tail_subscribe", group_id: undefined, topic: "" });
    await until(() => it.server.connections === 192);
    const further = await askOnce(it, { kind: "tail_subscribe", group_id: undefined, topic: "" });
    expect(further).toMatchObject({
      code: "UNAVAILABLE",
      message: "the daemon is full: of its 256 clients at most 192 may watch at a time; try again",
    });
    expect(await askOnce(it, { kind: "info_req" })).toMatchObject({ kind: "info_resp" });
    for (const watcher of watchers) watcher[Symbol.dispose]();
    await until(async () => {
      using later = await it.connect();
      await later.send({ kind: "tail_subscribe", group_id: undefined, topic: "a//b" });
      return ((await later.receive()) as { code?: string }).code === "INVALID_ARGUMENT";
    });
  });

  test("their places are given back when they leave", async () => {
    await using it = await controlledNode();
    for (let round = 0; round < 3; round++) {
      const watchers = await Promise.all(Array.from({ length: 100 }, () => it.connect()));
      for (const watcher of watchers) await watcher.send({ kind: "tail_subscribe", group_id: undefined, topic: "" });
      await until(() => it.server.connections === 100);
      for (const watcher of watchers) watcher[Symbol.dispose]();
      await until(() => it.server.connections === 0);
    }
  });
});

/** A tail begins some time after it was sent: blank messages until one of them is told. */
async function publishUntilTold(it: ControlledNode, group_id: GroupId, tail: ControlConnection): Promise<void> {
  let isTold = false;
  const told = tail.receive().then(() => {
    isTold = true;
  });
  await until(async () => {
    await it.node.call(publish, { group_id, topics: ["a"], content: text(" ") });
    return isTold;
  });
  await told;
}
