import { expect, test } from "bun:test";
import { pilotSignedBytes } from "../../../src/core/admission/open-invite-proof.ts";
import { unixMs } from "../../../src/core/clock.ts";
import { EntmootError } from "../../../src/core/errors.ts";
import { type Identity, identityOf } from "../../../src/core/identity.ts";
import { type GroupId, PublicKey } from "../../../src/core/ids.ts";
import { entmootNodeId } from "../../../src/core/node-id.ts";
import { sign } from "../../../src/core/signature.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { link_list } from "../../../src/node/operations/invites.ts";
import { group_create, members, roster_change } from "../../../src/node/operations/moots.ts";
import { open_invite_challenge, open_invite_create, open_invite_redeem } from "../../../src/node/operations/public.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { OPEN_GROUP, startNode } from "../../support/nodes.ts";

const ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";
const identities = [1, 2, 3, 4].map((n) => identityOf(new Uint8Array(32).fill(60 + n)));
const [alice, bob, carol] = identities as [Identity, Identity, Identity];

const claimOf = ({ publicKey }: Pick<Identity, "publicKey">) => ({
  pilot_node_id: entmootNodeId(publicKey),
  pilot_pubkey: publicKey,
  entmoot_pubkey: publicKey,
});

async function world() {
  let nowMs = Date.now();
  const options = { root: new MemoryDataRoot(), clock: { ...realClock, unix: () => unixMs(nowMs) } };
  const founder = await startNode(undefined, 1, options);
  const { group_id } = await founder.call(group_create, OPEN_GROUP);
  const issue = (uses: number, valid_for_ms = 0) =>
    founder.call(open_invite_create, { group_id, issuer_url: "https://esp.example", uses, valid_for_ms });
  return {
    founder,
    group_id,
    issue,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

async function proofOf(node: EntmootNode, token: string, who: Identity) {
  const claim = claimOf(who);
  const { challenge } = await node.call(open_invite_challenge, { token, ...claim });
  const { challenge_id, signing_payload } = challenge!;
  return { token, ...claim, challenge_id, pilot_signature: sign(who.seed, pilotSignedBytes(signing_payload)) };
}

test("an open invite lets in as many keys as it has uses, each once, and counts none twice", async () => {
  const { founder, group_id, issue } = await world();
  await using node = founder;
  const { token } = await issue(2);
  for (const who of [alice, alice, bob]) {
    const { redeemed } = await node.call(open_invite_redeem, await proofOf(node, token, who));
    expect(redeemed).toMatchObject({ group_id, max_uses: 2 });
  }
  expect((await node.call(link_list, { group_id })).links).toMatchObject([{ used: 2, status: "used_up" }]);
  // Who is in may ask again, who is not may not.
  expect((await node.call(open_invite_redeem, await proofOf(node, token, bob))).redeemed).toMatchObject({
    use_count: 2,
  });
  const late = await node.call(open_invite_challenge, { token, ...claimOf(carol) });
  expect(late).toMatchObject({ refused: { code: "open_invite_exhausted" }, challenge: undefined });
});

test("of one use that is left, one of two proofs made at once is good", async () => {
  const { founder, issue } = await world();
  await using node = founder;
  const { token } = await issue(1);
  const proofs = [await proofOf(node, token, alice), await proofOf(node, token, bob)];
  const ends = await Promise.all(proofs.map((proof) => node.call(open_invite_redeem, proof)));
  expect(ends.map(({ refused }) => refused?.code)).toEqual([undefined, "open_invite_exhausted"]);
});

test("a challenge is good for five minutes, for who asked, at the node that gave it", async () => {
  const { founder, issue, pass } = await world();
  await using node = founder;
  const { token } = await issue(0);
  const proof = await proofOf(node, token, alice);
  const code = async (changes: Partial<typeof proof>) =>
    (await node.call(open_invite_redeem, { ...proof, ...changes })).refused?.code;
  expect(await code({ entmoot_pubkey: bob.publicKey, pilot_pubkey: bob.publicKey })).toBe(
    "open_invite_challenge_not_found",
  );
  expect(await code({ pilot_node_id: 7 })).toBe("open_invite_challenge_not_found");
  expect(await code({ challenge_id: "" })).toBe("bad_request");
  expect(await code({ challenge_id: "x" })).toBe("open_invite_challenge_not_found");
  expect(
    await code({ challenge_id: `${proof.challenge_id.slice(0, -1)}${proof.challenge_id.endsWith("A") ? "g" : "A"}` }),
  ).toBe("open_invite_challenge_not_found");
  expect(await code({ pilot_signature: new Uint8Array(63) })).toBe("bad_request");
  await using other = await startNode(undefined, 2);
  const moot = await other.call(group_create, OPEN_GROUP);
  const elsewhere = await other.call(open_invite_create, {
    group_id: moot.group_id,
    issuer_url: "https://esp.example",
  });
  const theirs = await proofOf(other, elsewhere.token, alice);
  expect(await code({ challenge_id: theirs.challenge_id, pilot_signature: theirs.pilot_signature })).toBe(
    "open_invite_challenge_not_found",
  );
  pass(5 * 60_000 - 1);
  expect(await code({})).toBeUndefined();
  pass(1);
  expect(await code({})).toBe("open_invite_challenge_expired");
});

test("an id of Pilot's that nobody here can look up is not taken on anybody's word", async () => {
  const { founder, group_id, issue } = await world();
  await using node = founder;
  const { token } = await issue(0);
  const claim = { ...claimOf(alice), pilot_node_id: 100 };
  const { challenge } = await node.call(open_invite_challenge, { token, ...claim });
  const pilot_signature = sign(alice.seed, pilotSignedBytes(challenge!.signing_payload));
  const asked = { token, ...claim, challenge_id: challenge!.challenge_id, pilot_signature };
  expect((await node.call(open_invite_redeem, asked)).refused).toMatchObject({ code: "invalid_challenge" });
  expect((await node.call(members, { group_id })).members).toHaveLength(1);
});

test("a key with which anybody signs is not let in", async () => {
  const { founder, group_id, issue } = await world();
  await using node = founder;
  const { token } = await issue(0);
  const publicKey = Uint8Array.fromHex(ORDER_8);
  const { challenge } = await node.call(open_invite_challenge, { token, ...claimOf({ publicKey }) });
  const asked = { token, ...claimOf({ publicKey }), challenge_id: challenge!.challenge_id };
  for (const R of ["00".repeat(32), ORDER_8, `01${"00".repeat(31)}`]) {
    const pilot_signature = Uint8Array.fromHex(R + "00".repeat(32));
    const end = await node.call(open_invite_redeem, { ...asked, pilot_signature }).catch(({ code }) => code);
    expect(end.redeemed).toBeUndefined();
  }
  expect((await node.call(members, { group_id })).members).toHaveLength(1);
});

test("who was removed is not let back in, and an invite that has ended lets in nobody", async () => {
  const { founder, group_id, issue, pass } = await world();
  await using node = founder;
  const { token } = await issue(0, 3_600_000);
  await node.call(open_invite_redeem, await proofOf(node, token, alice));
  await node.call(roster_change, { group_id, op: "remove", entmoot_pubkey: PublicKey.fromBytes(alice.publicKey) });
  const again = await node.call(open_invite_redeem, await proofOf(node, token, alice));
  expect(again.refused).toMatchObject({ code: "forbidden" });
  const proof = await proofOf(node, token, bob);
  pass(3_600_000);
  expect((await node.call(open_invite_redeem, proof)).refused).toMatchObject({ code: "open_invite_expired" });
});

test("where the invite cannot be kept, or directories cannot be told of it, nothing of the moot is left", async () => {
  const network = new MemoryNetwork(realClock);
  const root = new MemoryDataRoot();
  await using node = await startNode(network, 1, { root });
  const asked = {
    ...OPEN_GROUP,
    visibility: "public",
    join_mode: "open_invite",
    issuer_url: "https://esp.example",
  } as const;
  const { create } = root.node.links;
  root.node.links.create = () => {
    throw new EntmootError("conflict", "links: too many");
  };
  await expect(node.call(group_create, asked)).rejects.toMatchObject({ code: "conflict" });
  expect(root.groupIds()).toEqual([]);
  expect((await node.call(status, {})).groups).toEqual([]);

  root.node.links.create = create;
  const made: string[] = [];
  const { createGroup } = root;
  root.createGroup = (id) => {
    const store = createGroup.call(root, id);
    const { setFact } = store;
    store.setFact = (name, value) => {
      if (value?.includes("open-invite")) throw new EntmootError("disk_full", "no room");
      setFact.call(store, name, value);
    };
    made.push(id);
    return store;
  };
  await expect(node.call(group_create, asked)).rejects.toMatchObject({ code: "disk_full" });
  expect(root.groupIds()).toEqual([]);
  expect(root.node.links.list(made[0] as GroupId)).toMatchObject([{ revoked: true }]);
});
