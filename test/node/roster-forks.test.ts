import { describe, expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { PublicKey, RosterEntryId } from "../../src/core/ids.ts";
import { signRosterHeal } from "../../src/core/roster/roster-heal.ts";
import { RosterLog } from "../../src/core/roster/roster-log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { GroupRoster } from "../../src/node/group/group-roster.ts";
import { status } from "../../src/node/operations/daemon.ts";
import { publish } from "../../src/node/operations/messages.ts";
import { members, roster_change, roster_heal } from "../../src/node/operations/moots.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { seeds } from "../simulation/seeds.ts";
import { FAST } from "../support/fast-config.ts";
import { identity, type TestIdentity } from "../support/identity.ts";
import { GROUP as group_id } from "../support/message.ts";
import { startNode, until } from "../support/nodes.ts";
import { changed, roster } from "../support/roster.ts";

const [FOUNDER, ALICE, BOB, CAROL, DAVE] = [identity(1), identity(2), identity(3), identity(4), identity(5)];
const keyOf = ({ publicKey }: TestIdentity) => PublicKey.fromBytes(publicKey);
const add = (log: RosterLog, who: TestIdentity, nowMs = 0) =>
  changed(log, FOUNDER, { op: "add", key: who.publicKey }, nowMs);
const remove = (log: RosterLog, who: TestIdentity) =>
  changed(log, FOUNDER, { op: "remove", nodeId: who.nodeId, key: who.publicKey });

function rootWith(log: RosterLog): MemoryDataRoot {
  const root = new MemoryDataRoot();
  root.createGroup(group_id).roster.append(log.entries);
  return root;
}

const mootOf = async (node: EntmootNode) => (await node.call(status, {})).groups[0]!;
const say = (node: EntmootNode, text: string) =>
  node.call(publish, { group_id, topics: ["chat"], content: encodeUtf8(text) });

/** A node of the moot on `network`, or one that is away without. */
const start = (network: MemoryNetwork | undefined, n: number, root: MemoryDataRoot) =>
  startNode(network, n, { root, parts: { config: FAST } });

/** What a member writes while it meets nobody. */
async function sayAlone(n: number, root: MemoryDataRoot, text: string): Promise<void> {
  await using node = await start(undefined, n, root);
  await say(node, text);
}

const BEFORE = roster([FOUNDER, ALICE, BOB]);
/** Two histories that the founder signed behind the same entry. */
const [A, B] = [add(BEFORE, CAROL, 1_700_000_000_100), add(add(BEFORE, DAVE), identity(6))];

describe("a roster that its founder has forked", () => {
  test("is stopped everywhere, shown with both histories, and healed with nobody's messages lost", async () => {
    const network = new MemoryNetwork(realClock);
    const roots = { founder: rootWith(A), alice: rootWith(A), bob: rootWith(B), carol: rootWith(A), dave: rootWith(B) };
    await sayAlone(4, roots.carol, "of Carol");
    await sayAlone(5, roots.dave, "of Dave");
    await using founder = await start(network, 1, roots.founder);
    await using alice = await start(network, 2, roots.alice);
    await using bob = await start(network, 3, roots.bob);
    await using carol = await start(network, 4, roots.carol);
    await using dave = await start(network, 5, roots.dave);
    const all = [founder, alice, bob, carol, dave];
    await until(async () =>
      (await Promise.all([founder, alice, bob].map(mootOf))).every(({ fork }) => fork !== undefined),
    );
    const { fork } = await mootOf(bob);
    expect(fork).toMatchObject({ point: BEFORE.head });
    expect(fork!.branches.map(({ head }) => head).toSorted()).toEqual([A.head, B.head].toSorted());
    // Nothing more is signed, and a member follows nothing more.
    const change = { group_id, op: "add", entmoot_pubkey: keyOf(identity(9)) } as const;
    for (const alone of [false, true]) {
      await expect(founder.call(roster_change, { ...change, alone })).rejects.toMatchObject({ code: "conflict" });
    }
    const planned = await founder.call(roster_heal, { group_id, keep: A.head, dry_run: true });
    expect(planned).toMatchObject({ lost: [B.head], roster_head: A.head, members: 4 });
    expect(planned.readmitted.map(({ node_id }) => node_id)).toEqual(
      [DAVE, identity(6)].map(({ nodeId }) => nodeId).toSorted((a, b) => a - b),
    );
    expect((await mootOf(founder)).fork).toBeDefined();

    const healed = await founder.call(roster_heal, { group_id, keep: A.head });
    expect(healed.readmitted.every(({ error }) => error === undefined)).toBe(true);
    await agreed(all, 2);
    for (const node of all) {
      expect(await mootOf(node)).toMatchObject({ fork: undefined, members: 6, local_member: true, messages: 2 });
    }
    await founder.call(roster_change, change);
    await agreed(all, 2);
    await say(dave, "Dave again");
    await agreed(all, 3);
    // Who comes after all that has the same.
    const late = rootWith(add(BEFORE, CAROL, 1_700_000_000_100));
    await alice.close();
    await using again = await start(network, 2, late);
    await agreed([founder, bob, carol, dave, again], 3);
  });

  test("stays as it was kept after a restart, healed or not", () => {
    const store = rootWith(A).openGroup(group_id)!.roster;
    const before = new GroupRoster(store);
    expect(before.sync(B.entries)).toBe("forked");
    const after = new GroupRoster(store);
    expect([after.fork, after.forks, after.head]).toEqual([before.fork, before.forks, A.head]);
    expect(after.knowsAuthor(keyOf(DAVE))).toBe(true);
    expect(after.members.has(keyOf(DAVE))).toBe(false);
    expect(after.learn([], [heal(B, A, 1)])).toBe("extended");
    const last = new GroupRoster(store);
    expect([last.head, last.fork, last.heals]).toEqual([B.head, undefined, after.heals]);
    expect(last.knowsAuthor(keyOf(CAROL))).toBe(true);
  });

  test("is healed by nobody but its founder, and by nothing that it is not", () => {
    const roster = new GroupRoster(rootWith(A).openGroup(group_id)!.roster);
    roster.sync(B.entries);
    const good = heal(B, A, 1);
    const forged = signRosterHeal({ ...good, seed: ALICE.seed });
    const nowhere = heal(B, A, 1, { fork: RosterEntryId.fromHex("77".repeat(32)) });
    for (const bad of [forged, { ...good, timestamp: 2n }, { ...good, type: "other" }, nowhere]) {
      expect([bad, roster.learn([], [bad])]).toEqual([bad, "same"]);
    }
    // One that keeps what is not behind the fork decides nothing.
    roster.learn([], [heal(B, A, 1, { kept: BEFORE.entries[0]!.id })]);
    expect(roster.isForked).toBe(true);
  });

  test("ends alike wherever two heals of it meet, in any order", () => {
    const heals = [heal(A, B, 1), heal(B, A, 2), heal(A, B, 3)];
    const ends = [0, 1, 2].map((turn) => {
      const roster = new GroupRoster(rootWith(turn === 1 ? B : A).openGroup(group_id)!.roster);
      roster.sync((turn === 1 ? A : B).entries);
      for (const each of [...heals.slice(turn), ...heals.slice(0, turn)]) roster.learn([], [each]);
      return [roster.head, roster.forks];
    });
    expect(ends[1]).toEqual(ends[0]!);
    expect(ends[2]).toEqual(ends[0]!);
  });
});

function heal(kept: RosterLog, lost: RosterLog, n: number, other: object = {}) {
  const fields = { group_id, fork: BEFORE.head, kept: kept.head, lost: lost.head, timestamp: BigInt(n), ...other };
  return signRosterHeal({ ...fields, seed: FOUNDER.seed });
}

/** All have one roster head, one root, and so many messages. */
async function agreed(nodes: readonly EntmootNode[], count: number): Promise<void> {
  await until(async () => {
    const moots = await Promise.all(nodes.map(mootOf));
    const [first] = moots;
    return moots.every(
      (moot) =>
        moot.roster_head === first!.roster_head && moot.merkle_root === first!.merkle_root && moot.messages === count,
    );
  });
}

/** A history behind `log`: a few newcomers, of whom some are removed again, and sometimes one of those before. */
function someHistory(log: RosterLog, random: SeededRandom, first: number): { log: RosterLog; added: number[] } {
  const added: number[] = [];
  let next = log;
  const count = random.between(1, 4);
  for (let i = 0; i < count; i++) {
    const n = first + i;
    next = add(next, identity(n), 1_700_000_000_000 + first * 1000 + i);
    if (random.chance(0.25)) next = remove(next, identity(n));
    else added.push(n);
  }
  if (random.chance(0.25)) next = remove(next, BOB);
  return { log: next, added };
}

for (const seed of seeds(4)) {
  test(`members end alike whatever forked, whoever was away, however often it was healed (SEED=${seed})`, async () => {
    const random = new SeededRandom(seed);
    const histories = [10, 20, 30].slice(0, random.chance(0.3) ? 3 : 2).map((n) => someHistory(BEFORE, random, n));
    // One history forks once more behind its first entry.
    if (random.chance(0.4)) {
      const start = RosterLog.ofVerified(histories[0]!.log.entries.slice(0, BEFORE.entries.length + 1));
      histories.push(someHistory(start, random, 40));
    }
    const places = new Map<number, RosterLog>();
    for (const n of [1, 2, 3]) places.set(n, random.pick(histories)!.log);
    for (const { added, log } of histories) for (const n of added) places.set(n, log);
    const roots = new Map([...places].map(([n, log]) => [n, rootWith(log)]));
    let said = 0;
    for (const [n, root] of roots) {
      const isIn = places.get(n)!.memberByKey(identity(n).publicKey) !== undefined;
      // What one says whom the kept history has removed by then reaches nobody.
      if (!isIn || n === 3 || random.chance(0.3)) continue;
      await sayAlone(n, root, `of ${n}`);
      said += 1;
    }
    // The founder's other run healed it too, the other way, and told one member.
    const isCrossed = random.chance(0.5);
    const kept = random.pick(histories)!.log;
    if (isCrossed) {
      const told = new GroupRoster(roots.get(2)!.openGroup(group_id)!.roster);
      for (const { log } of histories) told.sync(log.entries);
      const { fork } = told;
      const [one, other] = fork!.branches;
      const fields = { group_id, fork: fork!.point, kept: one!.first.id, lost: other!.first.id };
      told.learn([], [signRosterHeal({ ...fields, timestamp: BigInt(seed), seed: FOUNDER.seed })]);
    }
    const network = new MemoryNetwork(realClock);
    const awayTill = new Set([...roots.keys()].filter((n) => n !== 1 && random.chance(0.3)));
    const nodes = new Map<number, EntmootNode>();
    try {
      for (const [n, root] of roots) if (!awayTill.has(n)) nodes.set(n, await start(network, n, root));
      const founder = nodes.get(1)!;
      // Those away come while it is healed.
      const healing = (async () => {
        for (;;) {
          const keep = await nextKept(founder, kept);
          if (keep === undefined) return;
          // Meanwhile another heal may come in.
          await founder.call(roster_heal, { group_id, keep }).catch(() => {});
        }
      })();
      for (const n of awayTill) nodes.set(n, await start(network, n, roots.get(n)!));
      await healing;
      await until(async () => {
        const keep = (await nextKept(founder, kept)) ?? (await mootOf(founder)).roster_head;
        // Whoever was lost by a heal that crossed, or was met only now, is added again.
        await founder.call(roster_heal, { group_id, keep }).catch(() => {});
        return await isAlike(nodes.values(), said);
      });
      const moots = await Promise.all([...nodes.values()].map(mootOf));
      const inside = moots.filter(({ local_member }) => local_member);
      expect(new Set(inside.map(({ roster_head }) => roster_head)).size).toBe(1);
      expect(new Set(inside.map(({ merkle_root }) => merkle_root)).size).toBe(1);
      expect(inside.every(({ fork }) => fork === undefined)).toBe(true);
      for (const { added } of histories) {
        const now = (await founder.call(members, { group_id })).members.map(({ entmoot_pubkey }) =>
          entmoot_pubkey.toHex(),
        );
        for (const n of added) expect(now).toContain(keyOf(identity(n)));
      }
    } finally {
      await Promise.all([...nodes.values()].map((node) => node.close()));
    }
  });
}

/** The head to keep of the founder's next fork: that of the history that is meant, where it is one of them. */
async function nextKept(founder: EntmootNode, meant: RosterLog): Promise<RosterEntryId | undefined> {
  const { fork } = await mootOf(founder);
  if (fork === undefined) return undefined;
  return (fork.branches.find(({ first }) => meant.has(first.id)) ?? fork.branches[0]!).head;
}

async function isAlike(nodes: Iterable<EntmootNode>, said: number): Promise<boolean> {
  const moots = (await Promise.all([...nodes].map(mootOf))).filter(({ local_member }) => local_member);
  const [first] = moots;
  return moots.every(
    ({ fork, merkle_root, messages, roster_head }) =>
      fork === undefined &&
      roster_head === first!.roster_head &&
      merkle_root === first!.merkle_root &&
      messages === said,
  );
}
