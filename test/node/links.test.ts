import { expect, test } from "bun:test";
import { createInvite, formatInvite, verifyInvite } from "../../src/core/admission/invite.ts";
import { parseMootLink } from "../../src/core/admission/moot-link.ts";
import { unixMs } from "../../src/core/clock.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { keyOf, OPEN_GROUP, startNode } from "../support/nodes.ts";

const HOUR_MS = 3_600_000;
const QUICK = { timeoutMs: 600 };

async function world() {
  const network = new MemoryNetwork(realClock);
  let nowMs = Date.now();
  const pass = (ms: number) => {
    nowMs += ms;
  };
  const founder = await startNode(network, 1, { clock: { ...realClock, unix: () => unixMs(nowMs) } });
  const { group_id: groupId } = await founder.createGroup(OPEN_GROUP);
  const link = (uses: number, validForMs = HOUR_MS) => founder.createLink({ groupId, uses, validForMs });
  return { network, founder, groupId, link, pass };
}

test("a link lets in as many keys as it has uses, and no more", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  await using alice = await startNode(network, 2);
  await using bob = await startNode(network, 3);
  await alice.join({ input: text, ...QUICK });
  await expect(bob.join({ input: text, ...QUICK })).rejects.toMatchObject({ code: "expired" });
  expect(await closing.listLinks(groupId)).toMatchObject([{ used: 1, uses: 1, status: "used_up" }]);
});

test("who was let in by a link calls the group as its issuer does, unless it has a name for it", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  const { name } = (await closing.status()).groups[0]!;
  expect(name).not.toBe("");
  const { link: text } = await link(0);
  const root = new MemoryDataRoot();
  await using alice = await startNode(network, 2, { root });
  await alice.join({ input: text, ...QUICK });
  expect((await alice.status()).groups).toMatchObject([{ group_id: groupId, name }]);
});

test("the same key redeems a used-up link again: same membership, fresh invite, no use taken", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  {
    await using alice = await startNode(network, 2);
    expect(await alice.join({ input: text, ...QUICK })).toMatchObject({ status: "joined", members: 2 });
  }
  // As after the loss of the data root: the key is all that is left.
  await using again = await startNode(network, 2);
  expect(await again.join({ input: text, ...QUICK })).toMatchObject({ status: "joined", members: 2 });
  expect(await closing.listLinks(groupId)).toMatchObject([{ used: 1 }]);
});

test("an expired, a revoked and an edited link are each refused in their own words", async () => {
  const { network, founder, groupId, link, pass } = await world();
  await using closing = founder;
  await using alice = await startNode(network, 2);
  const short = await link(0, HOUR_MS);
  pass(HOUR_MS);
  await expect(alice.join({ input: short.link, ...QUICK })).rejects.toMatchObject({ code: "expired" });

  const revoked = await link(0);
  expect(await closing.revokeLink({ groupId, link: revoked.link })).toMatchObject({ status: "revoked" });
  await expect(alice.join({ input: revoked.link, ...QUICK })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("revoked"),
  });
  await expect(closing.revokeLink({ groupId, link: "0123456789abcdef" })).rejects.toMatchObject({ code: "not_found" });

  const { link: good } = await link(0);
  const at = good.length - 20;
  const edited = good.slice(0, at) + (good[at] === "A" ? "B" : "A") + good.slice(at + 1);
  await expect(alice.join({ input: edited, ...QUICK })).rejects.toThrow("moot link");
  expect((await alice.status()).groups).toEqual([]);
});

test("a removed key is refused by every link until the founder adds it again", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  const { link: text } = await link(0);
  {
    await using alice = await startNode(network, 2);
    await alice.join({ input: text, ...QUICK });
    const key = await keyOf(alice);
    await closing.changeRoster({ groupId, op: "remove", nodeId: undefined, key });
  }
  await using back = await startNode(network, 2);
  const key = await keyOf(back);
  await expect(back.join({ input: (await link(0)).link, ...QUICK })).rejects.toMatchObject({
    code: "not_member",
    message: expect.stringContaining("removed"),
  });
  await closing.changeRoster({ groupId, op: "add", nodeId: undefined, key });
  expect(await back.join({ input: text, ...QUICK })).toMatchObject({ status: "joined" });
});

test("while the issuer is away a join says so and goes on until its time is over", async () => {
  const network = new MemoryNetwork(realClock);
  const root = new MemoryDataRoot();
  const founder = await startNode(network, 1, { root });
  const { group_id: groupId } = await founder.createGroup(OPEN_GROUP);
  const { link } = await founder.createLink({ groupId, uses: 0, validForMs: HOUR_MS });
  await founder.close();
  await using alice = await startNode(network, 2);
  const stages: string[] = [];
  const joining = alice.join({ input: link, timeoutMs: 1_200, onProgress: ({ stage }) => stages.push(stage) });
  await expect(joining).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("could not be reached"),
  });
  await joining.catch(() => {});
  expect(stages[0]).toBe("dialing");
  expect(stages.filter((stage) => stage === "waiting").length).toBeGreaterThan(0);
});

test("the token is nowhere in what the issuer keeps", async () => {
  const { founder, groupId, link } = await world();
  await using closing = founder;
  const { link: text } = await link(3);
  const token = parseMootLink(text).token;
  const [row] = await closing.listLinks(groupId);
  expect(JSON.stringify(row)).not.toContain(token.toHex());
  expect(JSON.stringify(row)).not.toContain(token.toBase64({ alphabet: "base64url", omitPadding: true }));
});

test("only the founder issues links", async () => {
  const { network, founder, groupId, link } = await world();
  await using _closing = founder;
  await using alice = await startNode(network, 2);
  await alice.join({ input: (await link(0)).link, ...QUICK });
  await expect(alice.createLink({ groupId, uses: 1, validForMs: HOUR_MS })).rejects.toMatchObject({
    code: "not_member",
  });
});

test("an invite whose roster is of another founder is refused and leaves nothing behind", async () => {
  const { network, founder, groupId } = await world();
  await using closing = founder;
  await using mallory = await startNode(network, 9);
  const { group_id: other } = await mallory.createGroup(OPEN_GROUP);
  await using alice = await startNode(network, 2);
  const key = await keyOf(alice);
  await mallory.changeRoster({ groupId: other, op: "add", nodeId: undefined, key });
  await closing.changeRoster({ groupId, op: "add", nodeId: undefined, key });
  const honest = await closing.mintInvite({ groupId, peers: undefined, validForMs: HOUR_MS });
  const forged = await mallory.mintInvite({ groupId: other, peers: undefined, validForMs: HOUR_MS });
  // Mallory vouches for the honest founder's group by its own signature and serves its own roster.
  const lie = createInvite(
    { ...forged, founder: honest.founder, roster_head: honest.roster_head },
    new Uint8Array(32).fill(9),
  );
  verifyInvite(lie, Date.now());
  const joining = alice.join({ input: formatInvite(lie), timeoutMs: 1_500 });
  await expect(joining).rejects.toThrow("founder");
  await joining.catch(() => {});
  expect((await alice.status()).groups).toEqual([]);
});

test("two keys that redeem the last use of a link at once: one is let in, the other told that it is used up", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  await using alice = await startNode(network, 2);
  await using bob = await startNode(network, 3);
  const joins = await Promise.allSettled([alice, bob].map((node) => node.join({ input: text, timeoutMs: 5_000 })));
  expect(joins.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(joins.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "expired" } });
  expect(await closing.listLinks(groupId)).toMatchObject([{ used: 1 }]);
  expect((await closing.status()).groups[0]?.members).toBe(2);
});

test("a key that the founder adds while it redeems a link becomes one member, whichever comes first", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  const { link: text } = await link(0);
  await using alice = await startNode(network, 2);
  const key = await keyOf(alice);
  const added = closing.changeRoster({ groupId, op: "add", nodeId: undefined, key }).catch((error: unknown) => error);
  const [joined] = await Promise.all([alice.join({ input: text, timeoutMs: 5_000 }), added]);
  expect(joined).toMatchObject({ status: "joined", members: 2 });
});

test("a key whose node id is taken in the group is refused, and its use of the link given back", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  const { link: text } = await link(1);
  await using alice = await startNode(network, 2);
  const nodeId = (await alice.status()).pilot_node_id;
  const other = PublicKey.fromBytes(new Uint8Array(32).fill(7));
  await closing.changeRoster({ groupId, op: "add", nodeId, key: other });
  await expect(alice.join({ input: text, ...QUICK })).rejects.toMatchObject({ code: "conflict" });
  expect(await closing.listLinks(groupId)).toMatchObject([{ used: 0, status: "active" }]);
  expect((await alice.status()).groups).toEqual([]);
});

test("the founder cannot remove itself, nor anybody but the founder anybody", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  await using alice = await startNode(network, 2);
  await alice.join({ input: (await link(0)).link, ...QUICK });
  const [own, hers] = [await keyOf(closing), await keyOf(alice)];
  await expect(closing.changeRoster({ groupId, op: "remove", nodeId: undefined, key: own })).rejects.toMatchObject({
    code: "invalid_argument",
  });
  for (const key of [own, hers]) {
    await expect(alice.changeRoster({ groupId, op: "remove", nodeId: undefined, key })).rejects.toMatchObject({
      code: "not_member",
    });
  }
});

test("a key that was removed stays out when its link is redeemed again at the moment of its removal", async () => {
  const { network, founder, groupId, link } = await world();
  await using closing = founder;
  const { link: text } = await link(0);
  await using alice = await startNode(network, 2);
  await alice.join({ input: text, ...QUICK });
  const key = await keyOf(alice);
  await closing.changeRoster({ groupId, op: "remove", nodeId: undefined, key });
  await alice.join({ input: text, ...QUICK }).catch(() => {});
  expect((await closing.status()).groups[0]?.members).toBe(1);
});
