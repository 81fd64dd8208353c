import { expect, test } from "bun:test";
import { createInvite, formatInvite, verifyInvite } from "../../src/core/admission/invite.ts";
import { parseMootLink } from "../../src/core/admission/moot-link.ts";
import { unixMs } from "../../src/core/clock.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { entmootNodeId } from "../../src/core/node-id.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { invite_mint, join, link_create, link_list, link_revoke } from "../../src/node/operations/invites.ts";
import { messages, publish } from "../../src/node/operations/messages.ts";
import { group_create, member_admit, members, roster_change } from "../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { identity } from "../support/identity.ts";
import { keyOf, OPEN_GROUP, startNode, until } from "../support/nodes.ts";

const HOUR_MS = 3_600_000;
const ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
const QUICK = { timeout_ms: 20_000 };

async function world() {
  const network = new MemoryNetwork(realClock);
  let nowMs = Date.now();
  const pass = (ms: number) => {
    nowMs += ms;
  };
  const founder = await startNode(network, 1, { clock: { ...realClock, unix: () => unixMs(nowMs) } });
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const link = (uses: number, valid_for_ms = HOUR_MS) => founder.call(link_create, { group_id, uses, valid_for_ms });
  return { network, founder, group_id, link, pass };
}

test("a link lets in as many keys as it has uses, and no more", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  await using alice = await startNode(network, 2);
  await using bob = await startNode(network, 3);
  await alice.call(join, { input: text, ...QUICK });
  await expect(bob.call(join, { input: text, ...QUICK })).rejects.toMatchObject({ code: "expired" });
  expect((await closing.call(link_list, { group_id })).links).toMatchObject([{ used: 1, uses: 1, status: "used_up" }]);
});

test("who was let in by a link calls the group as its issuer does, unless it has a name for it", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { name } = (await closing.call(status, {})).groups[0]!;
  expect(name).not.toBe("");
  const { link: text } = await link(0);
  const root = new MemoryDataRoot();
  await using alice = await startNode(network, 2, { root });
  await alice.call(join, { input: text, ...QUICK });
  expect((await alice.call(status, {})).groups).toMatchObject([{ group_id: group_id, name }]);
});

test("the same key redeems a used-up link again: same membership, fresh invite, no use taken", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  {
    await using alice = await startNode(network, 2);
    expect(await alice.call(join, { input: text, ...QUICK })).toMatchObject({ status: "joined", members: 2 });
  }
  // As after the loss of the data root: the key is all that is left.
  await using again = await startNode(network, 2);
  expect(await again.call(join, { input: text, ...QUICK })).toMatchObject({ status: "joined", members: 2 });
  expect((await closing.call(link_list, { group_id })).links).toMatchObject([{ used: 1 }]);
});

test("an expired, a revoked and an edited link are each refused in their own words", async () => {
  const { network, founder, group_id, link, pass } = await world();
  await using closing = founder;
  await using alice = await startNode(network, 2);
  const short = await link(0, HOUR_MS);
  pass(HOUR_MS);
  await expect(alice.call(join, { input: short.link, ...QUICK })).rejects.toMatchObject({ code: "expired" });

  const revoked = await link(0);
  expect(await closing.call(link_revoke, { group_id, link: revoked.link })).toMatchObject({ status: "revoked" });
  await expect(alice.call(join, { input: revoked.link, ...QUICK })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("revoked"),
  });
  await expect(closing.call(link_revoke, { group_id, link: "0123456789abcdef" })).rejects.toMatchObject({
    code: "not_found",
  });

  const { link: good } = await link(0);
  const at = good.length - 20;
  const edited = good.slice(0, at) + (good[at] === "A" ? "B" : "A") + good.slice(at + 1);
  await expect(alice.call(join, { input: edited, ...QUICK })).rejects.toThrow("moot link");
  expect((await alice.call(status, {})).groups).toEqual([]);
});

test("a removed key is refused by every link until the founder adds it again", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(0);
  {
    await using alice = await startNode(network, 2);
    await alice.call(join, { input: text, ...QUICK });
    const key = await keyOf(alice);
    await closing.call(roster_change, { group_id, op: "remove", entmoot_pubkey: key });
  }
  await using back = await startNode(network, 2);
  const key = await keyOf(back);
  await expect(back.call(join, { input: (await link(0)).link, ...QUICK })).rejects.toMatchObject({
    code: "not_member",
    message: expect.stringContaining("removed"),
  });
  await closing.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
  expect(await back.call(join, { input: text, ...QUICK })).toMatchObject({ status: "joined" });
});

test("while the issuer is away a join says so and goes on until its time is over", async () => {
  const network = new MemoryNetwork(realClock);
  const root = new MemoryDataRoot();
  const founder = await startNode(network, 1, { root });
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const { link } = await founder.call(link_create, { group_id, uses: 0, valid_for_ms: HOUR_MS });
  await founder.close();
  await using alice = await startNode(network, 2);
  const stages: string[] = [];
  const joining = alice.call(
    join,
    { input: link, timeout_ms: 1_200 },
    {
      onEvent: ({ stage }) => {
        stages.push(stage);
      },
    },
  );
  await expect(joining).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("could not be reached"),
  });
  await joining.catch(() => {});
  expect(stages[0]).toBe("dialing");
  expect(stages.filter((stage) => stage === "waiting").length).toBeGreaterThan(0);
});

test("the token is nowhere in what the issuer keeps", async () => {
  const { founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(3);
  const token = parseMootLink(text).token;
  const [row] = (await closing.call(link_list, { group_id })).links;
  expect(JSON.stringify(row)).not.toContain(token.toHex());
  expect(JSON.stringify(row)).not.toContain(token.toBase64({ alphabet: "base64url", omitPadding: true }));
});

test("only the founder issues links", async () => {
  const { network, founder, group_id, link } = await world();
  await using _closing = founder;
  await using alice = await startNode(network, 2);
  await alice.call(join, { input: (await link(0)).link, ...QUICK });
  await expect(alice.call(link_create, { group_id, uses: 1, valid_for_ms: HOUR_MS })).rejects.toMatchObject({
    code: "not_member",
  });
});

test("an invite whose roster is of another founder is refused and leaves nothing behind", async () => {
  const { network, founder, group_id } = await world();
  await using closing = founder;
  await using mallory = await startNode(network, 9);
  const { group_id: other } = await mallory.call(group_create, OPEN_GROUP);
  await using alice = await startNode(network, 2);
  const key = await keyOf(alice);
  await mallory.call(roster_change, { group_id: other, op: "add", entmoot_pubkey: key });
  await closing.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
  const { invite: honest } = await closing.call(invite_mint, { group_id, valid_for_ms: HOUR_MS });
  const { invite: forged } = await mallory.call(invite_mint, { group_id: other, valid_for_ms: HOUR_MS });
  // Mallory vouches for the honest founder's group by its own signature and serves its own roster.
  const lie = createInvite(
    { ...forged, founder: honest.founder, roster_head: honest.roster_head },
    new Uint8Array(32).fill(9),
  );
  verifyInvite(lie, unixMs(Date.now()));
  const joining = alice.call(join, { input: formatInvite(lie), timeout_ms: 1_500 });
  await expect(joining).rejects.toThrow("founder");
  await joining.catch(() => {});
  expect((await alice.call(status, {})).groups).toEqual([]);
});

test("two keys that redeem the last use of a link at once: one is let in, the other told that it is used up", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  await using alice = await startNode(network, 2);
  await using bob = await startNode(network, 3);
  const joins = await Promise.allSettled(
    [alice, bob].map((node) => node.call(join, { input: text, timeout_ms: 60_000 })),
  );
  expect(joins.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(joins.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "expired" } });
  expect((await closing.call(link_list, { group_id })).links).toMatchObject([{ used: 1 }]);
  expect((await closing.call(status, {})).groups[0]?.members).toBe(2);
});

test("a key that the founder adds while it redeems a link becomes one member, whichever comes first", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(0);
  await using alice = await startNode(network, 2);
  const key = await keyOf(alice);
  const added = closing
    .call(roster_change, { group_id, op: "add", entmoot_pubkey: key })
    .catch((error: unknown) => error);
  const [joined] = await Promise.all([alice.call(join, { input: text, timeout_ms: 60_000 }), added]);
  expect(joined).toMatchObject({ status: "joined", members: 2 });
});

test("a key whose node id another key has taken is let in under its next one, and is heard by all", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  await using alice = await startNode(network, 2);
  const nodeId = (await alice.call(status, {})).pilot_node_id;
  const squatter = PublicKey.fromBytes(identity(77).publicKey);
  await closing.call(roster_change, { group_id, op: "add", node_id: nodeId, entmoot_pubkey: squatter });
  const next = entmootNodeId(PublicKey.toBytes(await keyOf(alice)), 1);
  expect(await alice.call(join, { input: text, ...QUICK })).toMatchObject({ status: "joined", local_node_id: next });
  expect((await alice.call(status, {})).groups).toMatchObject([{ group_id, local_member: true, local_node_id: next }]);
  const content = new TextEncoder().encode("here all the same");
  await alice.call(publish, { group_id, topics: ["chat"], content });
  await until(async () => (await closing.call(status, {})).groups[0]!.messages === 1);
  const page = await closing.call(messages, { group_id });
  expect(page.messages).toMatchObject([{ message: { author: { pilot_node_id: next } } }]);
  // Removed and let in again, she is called as before, whoever has the ids before that.
  const key = await keyOf(alice);
  await closing.call(roster_change, { group_id, op: "remove", entmoot_pubkey: key });
  const back = await closing.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
  expect(back.subject.pilot_node_id).toBe(next);
});

test("a key that asks for its own node id and finds it taken is admitted under the next", async () => {
  const { founder, group_id } = await world();
  await using closing = founder;
  const [alice, squatter] = [identity(2), identity(77)];
  const add = (node_id: number, key: Uint8Array) =>
    closing.call(roster_change, { group_id, op: "add", node_id, entmoot_pubkey: PublicKey.fromBytes(key) });
  await add(alice.nodeId, squatter.publicKey);
  const target = { pilot_node_id: alice.nodeId, entmoot_pubkey: alice.publicKey };
  for (const members of [3, 3]) {
    expect(await closing.call(member_admit, { group_id, target, valid_for_ms: HOUR_MS })).toMatchObject({ members });
  }
  expect((await closing.call(members, { group_id })).members.map(({ node_id }) => node_id)).toContain(
    entmootNodeId(alice.publicKey, 1),
  );
});

test("with all its ids taken a key is refused, and its use of the link given back", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  await using alice = await startNode(network, 2);
  for (let spare = 0; spare <= 7; spare++) {
    const entmoot_pubkey = PublicKey.fromBytes(identity(80 + spare).publicKey);
    const node_id = entmootNodeId(identity(2).publicKey, spare);
    await closing.call(roster_change, { group_id, op: "add", node_id, entmoot_pubkey });
  }
  await expect(alice.call(join, { input: text, ...QUICK })).rejects.toMatchObject({ code: "conflict" });
  expect((await closing.call(link_list, { group_id })).links).toMatchObject([{ used: 0, status: "active" }]);
  expect((await alice.call(status, {})).groups).toEqual([]);
});

test("what is no key that somebody can hold is put on no roster, whatever way it comes", async () => {
  const { founder, group_id } = await world();
  await using closing = founder;
  // No point of the curve; the neutral point; one of order 8.
  for (const hex of ["02".padEnd(64, "0"), "01".padEnd(64, "0"), ORDER_8]) {
    const bytes = Uint8Array.fromHex(hex);
    const entmoot_pubkey = PublicKey.fromBytes(bytes);
    const target = { pilot_node_id: 5, entmoot_pubkey: bytes };
    const refused = { code: "invalid_argument", message: expect.stringMatching(/no point of the curve|small order/) };
    await expect(closing.call(roster_change, { group_id, op: "add", entmoot_pubkey })).rejects.toMatchObject(refused);
    const admitting = closing.call(member_admit, { group_id, target, valid_for_ms: HOUR_MS });
    await expect(admitting).rejects.toMatchObject(refused);
  }
  expect((await closing.call(members, { group_id })).members).toHaveLength(1);
});

test("the founder cannot remove itself, nor anybody but the founder anybody", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  await using alice = await startNode(network, 2);
  await alice.call(join, { input: (await link(0)).link, ...QUICK });
  const [own, hers] = [await keyOf(closing), await keyOf(alice)];
  await expect(closing.call(roster_change, { group_id, op: "remove", entmoot_pubkey: own })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  for (const key of [own, hers]) {
    await expect(alice.call(roster_change, { group_id, op: "remove", entmoot_pubkey: key })).rejects.toMatchObject({
      code: "not_member",
    });
  }
});

test("a key that was removed stays out when its link is redeemed again at the moment of its removal", async () => {
  const { network, founder, group_id, link } = await world();
  await using closing = founder;
  const { link: text } = await link(0);
  await using alice = await startNode(network, 2);
  await alice.call(join, { input: text, ...QUICK });
  const key = await keyOf(alice);
  await closing.call(roster_change, { group_id, op: "remove", entmoot_pubkey: key });
  await alice.call(join, { input: text, ...QUICK }).catch(() => {});
  expect((await closing.call(status, {})).groups[0]?.members).toBe(1);
});
