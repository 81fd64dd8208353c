import { expect, test } from "bun:test";
import { EntmootError } from "../../../src/core/errors.ts";
import { type GroupId, PublicKey } from "../../../src/core/ids.ts";
import { signMemberProfileAd } from "../../../src/core/record/member-profile-ad.ts";
import type { MemberProfileAd } from "../../../src/core/record/records.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import type { EntmootNode } from "../../../src/node/entmoot-node.ts";
import { group_create, peers, roster_change } from "../../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { FramedStream } from "../../../src/transport/framed-stream.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { peerLanguage } from "../../../src/wire/peer/frame.ts";
import { lengthenRoster } from "../../support/long-roster.ts";
import { OPEN_GROUP, startNode, until } from "../../support/nodes.ts";
import { ALICE, FOUNDER, nodeWithRawMember, STRANGER } from "../../support/raw-member.ts";
import { RawPeer } from "../../support/raw-peer.ts";
import { statusQuestion } from "../../support/status-question.ts";

test("what is kept of profiles is read once, however many come and are shown", async () => {
  const root = new MemoryDataRoot();
  await using it = await nodeWithRawMember({ root });
  const { node, group_id, alice } = it;
  const { ads } = root.openGroup(group_id)!;
  const read = ads.profileAds.bind(ads);
  let times = 0;
  ads.profileAds = () => {
    times += 1;
    return read();
  };
  const now = Date.now();
  const named = (seq: number) =>
    signMemberProfileAd({
      seed: ALICE.seed,
      group_id,
      author: ALICE.info,
      seq: BigInt(seq),
      hostname: `alice-${seq}`,
      issued_at: BigInt(now),
      not_after: BigInt(now + 60_000),
    });
  for (let seq = 1; seq <= 5; seq++) await alice.say({ kind: "member_profile_ad", ...named(seq) });
  const { peers: rows } = await node.call(peers, { group_id });
  expect(rows.find(({ self }) => !self)?.hostname).toBe("alice-5");
  expect(times).toBeLessThanOrEqual(1);
});

test("two members meet although neither can keep its own name on a full disk", async () => {
  const root = new MemoryDataRoot();
  const create = root.createGroup.bind(root);
  let tried = 0;
  root.createGroup = (id) => {
    const store = create(id);
    store.ads.putProfileAd = () => {
      tried += 1;
      throw new EntmootError("disk_full", "no room");
    };
    return store;
  };
  await using it = await nodeWithRawMember({ root, hostname: "beech" });
  const { group_id, alice } = it;
  expect(tried).toBeGreaterThan(0);
  tried = 0;
  expect(await alice.say(statusQuestion(group_id))).toMatchObject([{ kind: "status_resp" }]);
  await until(() => tried > 0);
  expect(await alice.say(statusQuestion(group_id))).toMatchObject([{ kind: "status_resp" }]);
});

test("a node has its name in a moot it has just made, and in those it opens with a new one, with nobody there", async () => {
  const root = new MemoryDataRoot();
  const nameIn = async (node: EntmootNode, group_id: GroupId) =>
    (await node.call(peers, { group_id })).peers.map(({ hostname, self }) => [self, hostname]);
  let group_id: GroupId;
  {
    await using node = await startNode(new MemoryNetwork(realClock), 1, { root, hostname: "oak" });
    ({ group_id } = await node.call(group_create, OPEN_GROUP));
    expect(await nameIn(node, group_id)).toEqual([[true, "oak"]]);
  }
  await using renamed = await startNode(new MemoryNetwork(realClock), 1, { root, hostname: "elm" });
  expect(await nameIn(renamed, group_id)).toEqual([[true, "elm"]]);
});

test("an author pays for its own profiles, ten at once, and not for those of others", async () => {
  await using it = await nodeWithRawMember();
  const { node, group_id, alice } = it;
  const BOB = STRANGER;
  const key = PublicKey.fromBytes(BOB.publicKey);
  await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
  const now = Date.now();
  const times = { issued_at: BigInt(now), not_after: BigInt(now + 60_000) };
  const named = (by: typeof ALICE, seq: number) =>
    signMemberProfileAd({ seed: by.seed, group_id, author: by.info, seq: BigInt(seq), hostname: `n-${seq}`, ...times });
  for (let seq = 1; seq <= 15; seq++) await alice.say({ kind: "member_profile_ad", ...named(ALICE, seq) });
  await alice.say({ kind: "member_profile_ad", ...named(BOB, 1) });
  const { peers: rows } = await node.call(peers, { group_id });
  const names = new Map(rows.map(({ hostname, node_id }) => [node_id, hostname]));
  expect([names.get(ALICE.nodeId), names.get(BOB.nodeId)]).toEqual(["n-10", "n-1"]);
});

/** A moot of many named members, and Bob, who answers with `said` when he is asked for profiles. */
async function answeredWith(makeAnswer: (moot: Moot) => readonly MemberProfileAd[]) {
  const root = new MemoryDataRoot();
  await using it = await nodeWithRawMember({ root });
  const { alice, group_id, network, node } = it;
  const key = PublicKey.fromBytes(STRANGER.publicKey);
  await node.call(roster_change, { group_id, op: "add", entmoot_pubkey: key });
  const { added } = await lengthenRoster(alice, group_id, 300);
  const { ads } = root.openGroup(group_id)!;
  const writes: number[] = [];
  for (const name of ["putProfileAd", "putProfileAds"] as const) {
    const put = ads[name].bind(ads) as (what: MemberProfileAd & readonly MemberProfileAd[]) => void;
    ads[name] = (what: MemberProfileAd | readonly MemberProfileAd[]) => {
      writes.push(Array.isArray(what) ? what.length : 1);
      put(what as MemberProfileAd & readonly MemberProfileAd[]);
    };
  }
  const now = BigInt(Date.now());
  const named = (by: typeof ALICE, seq: number) => {
    const fields = { group_id, author: by.info, seq: BigInt(seq), hostname: `n-${seq}` };
    return signMemberProfileAd({ seed: by.seed, ...fields, issued_at: now, not_after: now + 60_000n });
  };
  const profiles = makeAnswer({ added, named });
  const bob = new RawPeer(network, STRANGER, FOUNDER);
  bob.transport.accept(async (stream) => {
    const signal = AbortSignal.timeout(60_000);
    const frames = new FramedStream(stream, peerLanguage(stream.dialect));
    const question = await frames.read(signal);
    if (question?.kind !== "member_profile_snapshot_req") return stream.reset();
    await frames.write({ kind: "member_profile_snapshot_resp", group_id, profiles }, signal);
    await frames.finish();
  });
  await bob.say(statusQuestion(group_id));
  await until(() => ads.profileAds().some(({ seq }) => seq === profiles.at(-1)!.seq));
  return { writes, kept: ads.profileAds() };
}

interface Moot {
  readonly added: readonly (typeof ALICE)[];
  readonly named: (by: typeof ALICE, seq: number) => MemberProfileAd;
}

test("of an answer with many profiles of one author only the newest is looked at and kept", async () => {
  const { kept, writes } = await answeredWith(({ named }) =>
    Array.from({ length: 200 }, (_, n) => named(STRANGER, n + 1)),
  );
  expect(kept.map(({ seq }) => seq)).toEqual([200n]);
  expect(writes).toEqual([1]);
});

test("a newcomer keeps the names of all members with a few commits", async () => {
  const { kept, writes } = await answeredWith(({ added, named }) => added.map((by, n) => named(by, n + 1)));
  expect(kept.length).toBe(300);
  expect(writes).toEqual([256, 44]);
});
