import { expect, test } from "bun:test";
import { GroupId } from "../../src/core/ids.ts";
import { sign } from "../../src/core/signature.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { messages } from "../../src/node/operations/messages.ts";
import { members } from "../../src/node/operations/moots.ts";
import type { CallOptions, Loose, Operation, Operations } from "../../src/node/operations/operation.ts";
import type { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { device, HttpWorld, OTHERS, OURS } from "../support/http-world.ts";
import { identity } from "../support/identity.ts";
import { startNode } from "../support/nodes.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const groupPath = (id: GroupId, rest = "") => `/v1/groups/${encodeURIComponent(GroupId.toBase64(id))}${rest}`;
const OUR_TEXT = GroupId.toBase64(OURS);

/** The node of the moots, which tests hold up and break at what it is asked. */
class TestedNode {
  node: EntmootNode | undefined;
  readonly asked: string[] = [];
  /** Runs ahead of what is asked; `after` follows what was done. */
  before: (name: string) => Promise<void> = async () => {};
  after: (name: string) => Promise<void> = async () => {};

  readonly writes = async (root: MemoryDataRoot): Promise<Operations> => {
    this.node ??= await startNode(undefined, 1, { root });
    const node = this.node;
    const call = async <Request, Answer, Event>(
      operation: Operation<Request, Answer, Event>,
      request: Loose<Request>,
      options?: CallOptions<Event>,
    ): Promise<Answer> => {
      this.asked.push(operation.name);
      await this.before(operation.name);
      const answer = await node.call(operation, request, options);
      await this.after(operation.name);
      return answer;
    };
    return { call, async [Symbol.asyncDispose]() {} };
  };
}

const MANAGER = [device("phone", 2, { adminGroups: [OURS] }), device("other", 3)];

interface Asked {
  readonly id: string;
  readonly signing_payload: string;
  readonly signing_payload_sha256: string;
}

/** The body that completes a request, by the key of an identity. */
function completion({ signing_payload, signing_payload_sha256 }: Asked, key = 2): string {
  const signature = sign(identity(key).seed, Buffer.from(signing_payload, "base64")).toBase64();
  return JSON.stringify({ signature, signing_payload_sha256 });
}

const completePath = ({ id }: Asked) => `/v1/sign-requests/${id}/complete`;

async function ask(world: HttpWorld, method: string, path: string, body: unknown): Promise<Asked> {
  const answer = await world.as(path, { method, body: JSON.stringify(body) });
  expect([answer.status, answer.json.error]).toEqual([202, undefined]);
  return answer.json.sign_request;
}

const complete = (world: HttpWorld, asked: Asked, key = 2) =>
  world.as(completePath(asked), { method: "POST", body: completion(asked, key) });

/** A draft of the founder, who is a member. */
const DRAFT = {
  author: { pilot_node_id: identity(1).nodeId, entmoot_pubkey: identity(1).publicKey.toBase64() },
  topics: ["chat"],
  content: Buffer.from("hello").toString("base64"),
};

async function messagesOf(node: EntmootNode, group = OURS) {
  return (await node.call(messages, { group_id: group, order: "asc" })).messages.map(({ message }) =>
    new TextDecoder().decode(message.content),
  );
}

test("a draft is signed by its author, published once, and told of afterwards", async () => {
  using home = new TemporaryDirectory();
  const tested = new TestedNode();
  using world = new HttpWorld(home, { devices: MANAGER, writes: tested.writes });
  expect((await world.as("/v1/sign-requests")).text).toBe('{"sign_requests":[]}\n');
  const asked = await ask(world, "POST", groupPath(OURS, "/messages"), DRAFT);
  const wrong = await complete(world, asked, 2);
  expect(wrong).toMatchObject({ status: 400, json: { error: { code: "invalid_signature" } } });
  const other = JSON.stringify({ ...JSON.parse(completion(asked, 1)), signing_payload_sha256: OUR_TEXT });
  expect((await world.as(completePath(asked), { method: "POST", body: other })).json.error.code).toBe(
    "signing_payload_mismatch",
  );
  const done = await complete(world, asked, 1);
  expect(done).toMatchObject({
    status: 200,
    json: { status: "completed", publish_result: { status: "accepted", message_id: asked.signing_payload_sha256 } },
  });
  expect((await complete(world, asked, 1)).json.error.code).toBe("sign_request_not_pending");
  expect(await messagesOf(tested.node!)).toEqual(["hello"]);
  expect((await world.as(`/v1/sign-requests/${asked.id}`)).json.status).toBe("completed");
});

test("a moot is founded under an id that follows from its request, with numbers as they were written", async () => {
  using home = new TemporaryDirectory();
  const tested = new TestedNode();
  using world = new HttpWorld(home, { devices: MANAGER, writes: tested.writes });
  const body = '{"name":"ours","tags":[" a ","a","b"],"metadata":{"n":9007199254740993,"name":"x"}}';
  const { json } = await world.as("/v1/groups", { method: "POST", body });
  const done = await complete(world, json.sign_request);
  expect([done.status, done.json.result.status]).toEqual([200, "joined"]);
  const { group_id } = done.json.result;
  const id = GroupId.fromBytes(Uint8Array.fromBase64(group_id));
  expect((await world.as("/v1/session")).json.device.admin_groups).toContain(group_id);
  const group = await world.as(groupPath(id));
  expect(group.json).toMatchObject({ name: "ours", tags: ["a", "b"], members: 1 });
  expect(group.text).toContain('"n":9007199254740993');
});

test("of two completions at once one carries the request out, and the other is told", async () => {
  using home = new TemporaryDirectory();
  const tested = new TestedNode();
  using world = new HttpWorld(home, { devices: MANAGER, writes: tested.writes });
  const asked = await ask(world, "POST", groupPath(OURS, "/messages"), DRAFT);
  const held = Promise.withResolvers<void>();
  tested.before = () => held.promise;
  const first = complete(world, asked, 1);
  while (tested.asked.length === 0) await new Promise((next) => setImmediate(next));
  expect((await world.as(`/v1/sign-requests/${asked.id}`)).json.status).toBe("executing");
  expect((await complete(world, asked, 1)).json.error.code).toBe("sign_request_not_pending");
  const no = await world.as(`/v1/sign-requests/${asked.id}/reject`, { method: "POST" });
  expect(no.json.error.code).toBe("sign_request_not_pending");
  held.resolve();
  expect((await first).status).toBe(200);
  expect(tested.asked).toEqual(["publish_signed"]);
});

test.each(["before", "after"] as const)(
  "a request is carried out once where the process ended %s it was",
  async (when) => {
    using home = new TemporaryDirectory();
    const tested = new TestedNode();
    using world = new HttpWorld(home, { devices: MANAGER, writes: tested.writes });
    const asked = await ask(world, "POST", groupPath(OURS, "/messages"), DRAFT);
    // It never hears how it went, as one that is gone does not.
    const reached = Promise.withResolvers<void>();
    tested[when] = () => {
      reached.resolve();
      return new Promise(() => {});
    };
    void complete(world, asked, 1);
    await reached.promise;
    world.restart();
    tested[when] = async () => {};
    expect((await world.as(`/v1/sign-requests/${asked.id}`)).json.status).toBe("executing");
    // Long after its time: it was claimed in time.
    world.clock.advance(3_600_000);
    await world.resume();
    expect((await world.as(`/v1/sign-requests/${asked.id}`)).json.status).toBe("completed");
    expect(await messagesOf(tested.node!)).toEqual(["hello"]);
  },
);

test("a removal that was done and not told of is done when it is completed again", async () => {
  using home = new TemporaryDirectory();
  const tested = new TestedNode();
  using world = new HttpWorld(home, { devices: MANAGER, writes: tested.writes });
  const who = identity(7);
  const key = who.publicKey.toBase64();
  const target = { pilot_node_id: who.nodeId, entmoot_pubkey: key };
  const invited = await complete(
    world,
    await ask(world, "POST", groupPath(OURS, "/invites"), { target, valid_for: "2d" }),
  );
  expect(invited.json.result).toMatchObject({ status: "created", members: 2, invite: { group_id: OUR_TEXT } });
  const path = groupPath(OURS, `/members/${who.nodeId}`);
  const asked = await ask(world, "DELETE", path, { entmoot_pubkey: key });
  const reached = Promise.withResolvers<void>();
  tested.after = () => {
    reached.resolve();
    return new Promise(() => {});
  };
  void complete(world, asked);
  await reached.promise;
  world.restart();
  tested.after = async () => {};
  expect((await complete(world, asked)).json.result).toMatchObject({ status: "removed", members: 1 });
  // Another request for the same is told how it is.
  const again = await complete(world, await ask(world, "DELETE", path, { entmoot_pubkey: key }));
  expect(again).toMatchObject({ status: 403, json: { error: { code: "not_member" } } });
  expect((await tested.node!.call(members, { group_id: OURS })).members).toHaveLength(1);
});

test("rights count when a request is completed, and a device that is off completes nothing", async () => {
  using home = new TemporaryDirectory();
  const tested = new TestedNode();
  using world = new HttpWorld(home, { devices: MANAGER, writes: tested.writes });
  const asked = await ask(world, "PATCH", groupPath(OURS), { name: "ops" });
  const byBearer = () => world.bearer(completePath(asked), { method: "POST", body: completion(asked) });
  world.registry.change((all) => all.map((one) => ({ ...one, adminGroups: [] })));
  expect((await complete(world, asked)).status).toBe(403);
  expect((await byBearer()).json.error.code).toBe("forbidden");
  world.registry.change(() => MANAGER.map((one) => ({ ...one, isDisabled: true })));
  expect((await byBearer()).json.error.code).toBe("device_disabled");
  world.registry.change(() => MANAGER);
  expect((await byBearer()).json.result).toMatchObject({ status: "updated", metadata: { name: "ops" } });
  expect(tested.asked).toEqual([]);
});

test("a device sees its own requests, and those of the bearer where it may see the moot", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home, { devices: MANAGER });
  const own = await ask(world, "POST", "/v1/groups", { name: "mine" });
  for (const group of [OURS, OTHERS]) {
    await world.bearer(groupPath(group, "/messages"), { method: "POST", body: JSON.stringify(DRAFT) });
  }
  const listed = (await world.as("/v1/sign-requests")).json.sign_requests;
  expect(listed.map(({ kind }: { kind: string }) => kind)).toEqual(["message_publish", "group_create"]);
  const asOther = { id: "other", key: 3 };
  expect((await world.as(`/v1/sign-requests/${own.id}`, asOther)).status).toBe(403);
  expect((await world.as("/v1/sign-requests", asOther)).json.sign_requests).toHaveLength(1);
  expect((await world.bearer("/v1/sign-requests")).json.sign_requests).toHaveLength(3);
});

test("a request that nobody signed in time is told as expired, whichever way the clock went", async () => {
  using home = new TemporaryDirectory();
  using world = new HttpWorld(home, { devices: MANAGER });
  const asked = await ask(world, "POST", "/v1/groups", { name: "late" });
  world.clock.advance(15 * 60_000 - 1);
  expect((await world.as(`/v1/sign-requests/${asked.id}`)).json.status).toBe("pending");
  world.clock.advance(1);
  expect((await world.as(`/v1/sign-requests/${asked.id}`)).json.status).toBe("expired");
  expect((await complete(world, asked)).json.error.code).toBe("sign_request_expired");
  expect((await world.as(`/v1/sign-requests/${asked.id}/reject`, { method: "POST" })).json.error.code).toBe(
    "sign_request_expired",
  );
});

test("a failed completion leaves the request to be completed again, and a body with more behind it is refused", async () => {
  using home = new TemporaryDirectory();
  const tested = new TestedNode();
  using world = new HttpWorld(home, { devices: MANAGER, writes: tested.writes });
  const bad = await ask(world, "POST", groupPath(OURS, "/invites"), { valid_for: "1ns" });
  expect((await complete(world, bad)).json.error).toEqual({
    code: "bad_request",
    message: "valid_for must be at least 1ms",
  });
  expect((await world.as(`/v1/sign-requests/${bad.id}`)).json.status).toBe("pending");
  const none = await complete(world, await ask(world, "POST", groupPath(OURS, "/invites"), {}));
  expect(none.json.error.code).toBe("target_required");
  expect((await world.as("/v1/groups", { method: "POST", body: "{} {}" })).status).toBe(400);
  expect(await world.bearer("/v1/groups", { method: "POST", body: "{}" })).toMatchObject({
    status: 403,
    json: { error: { code: "device_signature_required" } },
  });
});
