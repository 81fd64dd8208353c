import { expect, test } from "bun:test";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { seeds } from "./seeds.ts";
import { World } from "./world.ts";

const MINUTE = 60_000;

for (const seed of seeds(5)) {
  test(`founder and two others agree on three messages at once (SEED=${seed})`, () => {
    const world = new World({ seed, members: 3 });
    world.runFor(2_000);
    const [a, b] = [world.members[0]!, world.members[1]!];
    world.publish(a);
    world.runFor(200);
    world.publish(b);
    world.runFor(200);
    world.publish(a);
    expect(world.runUntil(() => world.converged(), MINUTE)).toBeLessThanOrEqual(1_000);
    expect(new Set(world.members.map((member) => member.merkleRoot())).size).toBe(1);
    expect(a.size).toBe(3);
    expect(world.traffic.bodies).toBe(6);
  });

  test(`members agree although one frame in five is lost (SEED=${seed})`, () => {
    const world = new World({ seed, members: 12, loss: 0.2 });
    world.runFor(5_000);
    for (let i = 0; i < 60; i++) {
      world.publish();
      world.runFor(world.random.between(0, 500));
    }
    expect(world.runUntil(() => world.converged(), 20 * MINUTE)).toBeLessThanOrEqual(5 * MINUTE);
  });

  for (const members of [4, 12, 40]) {
    test(`${members} members agree soon after a partition heals (SEED=${seed})`, () => {
      const world = new World({ seed, members, loss: 0.05 });
      world.runFor(5_000);
      world.partition();
      for (let i = 0; i < 40; i++) {
        world.publish();
        world.runFor(2_000);
      }
      expect(world.converged()).toBe(false);
      world.heal();
      // Nobody publishes: comparison alone finds the other side.
      expect(world.runUntil(() => world.converged(), 30 * MINUTE)).toBeLessThanOrEqual(5 * MINUTE);
    });
  }

  test(`members that keep different amounts each end with what they keep, and then list nothing (SEED=${seed})`, () => {
    const world = new World({ seed, members: 9, loss: 0.05 });
    world.runFor(5_000);
    world.partition();
    const startMs = world.clock.nowMs;
    for (let i = 0; i < 40; i++) {
      world.publish();
      world.runFor(2_000);
      const forgetful = world.members[world.random.between(0, 9)]!;
      if (forgetful.number % 3 > 0 && world.random.chance(0.3)) {
        // A third keeps the later half, a third the last quarter, once half of all is over.
        const passedMs = world.clock.nowMs - startMs;
        forgetful.forgetBefore(startMs + Math.floor(passedMs * (forgetful.number % 3 === 1 ? 0.5 : 0.75)));
      }
    }
    for (const { number } of world.members) {
      if (number % 3 > 0) world.members[number]!.forgetBefore(startMs + (number % 3 === 1 ? 40_000 : 60_000));
    }
    world.heal();
    expect(world.runUntil(() => world.keepsWhatItWants(), 30 * MINUTE)).toBeLessThanOrEqual(5 * MINUTE);
    world.runFor(2 * MINUTE);
    world.traffic.reset();
    world.runFor(10 * MINUTE);
    expect(world.traffic.byKind.get("ask_status")).toBeGreaterThan(0);
    expect(world.traffic.byKind.get("ask_ids") ?? 0).toBe(0);
  });

  test(`members that are restarted again and again agree (SEED=${seed})`, () => {
    const world = new World({ seed, members: 9, loss: 0.02 });
    world.runFor(5_000);
    for (let i = 0; i < 40; i++) {
      world.publish();
      world.runFor(world.random.between(0, 300));
      if (world.random.chance(0.3)) world.restart(world.random.pick(world.members)!);
    }
    expect(world.runUntil(() => world.converged(), 20 * MINUTE)).toBeLessThanOrEqual(3 * MINUTE);
  });

  test(`a member that was away for an hour is brought up to date within a minute or so (SEED=${seed})`, () => {
    const world = new World({ seed, members: 6 });
    world.runFor(5_000);
    const away = world.members[5]!;
    world.stop(away);
    for (let i = 0; i < 30; i++) {
      world.publish();
      world.runFor(2 * MINUTE);
    }
    expect(away.size).toBe(0);
    world.restart(away);
    expect(world.runUntil(() => world.converged(), 10 * MINUTE)).toBeLessThanOrEqual(10_000);
  });

  test(`a new member back-fills everything, and nobody is sent a body twice for it (SEED=${seed})`, () => {
    const world = new World({ seed, members: 6, pageMax: 100 });
    world.runFor(5_000);
    for (let i = 0; i < 1_000; i++) world.publish();
    world.runUntil(() => world.converged(), 10 * MINUTE);
    const before = world.traffic.bodies;
    const joiner = world.join();
    expect(world.runUntil(() => world.converged(), 10 * MINUTE)).toBeLessThanOrEqual(MINUTE);
    expect(joiner.size).toBe(1_000);
    expect(world.traffic.bodies - before).toBe(1_000);
  });

  test(`messages of a member unknown to some wait for the roster instead of being lost (SEED=${seed})`, () => {
    const world = new World({ seed, members: 8, loss: 0.3 });
    world.runFor(5_000);
    const joiner = world.join();
    for (let i = 0; i < 10; i++) world.publish(joiner);
    // Every second question goes without an answer: of 3,000 runs half took 8 s, 99 % 32 s, the longest 269 s.
    expect(world.runUntil(() => world.converged(), 20 * MINUTE)).toBeLessThanOrEqual(10 * MINUTE);
    expect(world.members.every((member) => member.length === joiner.length)).toBe(true);
  });

  test(`a removed member is sent nothing more (SEED=${seed})`, () => {
    const world = new World({ seed, members: 6 });
    world.runFor(5_000);
    world.publish();
    world.runUntil(() => world.converged(), MINUTE);
    const removed = world.members[3]!;
    world.remove(removed);
    expect(world.runUntil(() => world.converged(), 5 * MINUTE)).toBeLessThanOrEqual(MINUTE);
    const held = removed.size;
    for (let i = 0; i < 20; i++) {
      world.publish(world.members[i % 3]!);
      world.runFor(10_000);
    }
    expect(world.converged()).toBe(true);
    expect(removed.size).toBe(held);
    expect(removed.machine.sizes().partners).toBe(0);
  });

  test(`members agree although some are removed or get new keys with messages under way (SEED=${seed})`, () => {
    const world = new World({ seed, members: 10, loss: 0.1 });
    world.runFor(5_000);
    for (let i = 0; i < 60; i++) {
      const author = world.random.pick(world.members.filter((member) => member.alive))!;
      world.publish(author);
      world.runFor(world.random.between(0, 300));
      if (author !== world.founder && world.random.chance(0.25)) {
        // Also with a new key: then it is another author, and what the old key signed is still on its way.
        world.remove(author);
        if (world.random.chance(0.5)) world.join();
        // It hears of that late, and goes on writing.
        if (world.random.chance(0.5)) world.publish(author);
      }
      if (world.random.chance(0.1)) world.partition();
      if (world.random.chance(0.3)) world.heal();
    }
    world.heal();
    expect(world.runUntil(() => world.rootsMeet(), 30 * MINUTE)).toBeLessThanOrEqual(10 * MINUTE);
    world.runFor(2 * MINUTE);
    expect(world.rootsMeet()).toBe(true);
  });

  test(`members with tables of a few entries agree all the same, only later (SEED=${seed})`, () => {
    const small = {
      ...config,
      frame: { idsMax: 8 },
      plumtree: { ...config.plumtree, graftBurst: 2, graftPerSecond: 1, pulledMax: 4, bringersMax: 4 },
      missingIds: { ...config.missingIds, idsMax: 4, perPeerMax: 2, holdersMax: 1 },
      pull: { ...config.pull, pendingMax: 16, fetchIds: 2, fetchesMax: 1, pageProgressIds: 2 },
      retryQueue: { ...config.retryQueue, entriesMax: 4, attemptsMax: 2 },
      quarantine: { ...config.quarantine, countMax: 4, senderCountMax: 1 },
    };
    const world = new World({ seed, members: 10, loss: 0.1, config: small });
    world.runFor(5_000);
    for (let i = 0; i < 40; i++) world.publish();
    expect(world.runUntil(() => world.converged(), 60 * MINUTE)).toBeLessThanOrEqual(20 * MINUTE);
  });

  test(`members agree when two of them can only meet through a third (SEED=${seed})`, () => {
    const world = new World({ seed, members: 3, unreachable: [[0, 2]] });
    world.runFor(5_000);
    for (let i = 0; i < 30; i++) {
      world.publish();
      world.runFor(1_000);
    }
    expect(world.runUntil(() => world.converged(), 5 * MINUTE)).toBeLessThanOrEqual(5_000);
  });

  test(`members agree although questions do not carry the asker's status (SEED=${seed})`, () => {
    const world = new World({ seed, members: 8, loss: 0.05, statusBothWays: false });
    world.runFor(5_000);
    world.partition();
    for (let i = 0; i < 20; i++) {
      world.publish();
      world.runFor(1_000);
    }
    world.heal();
    expect(world.runUntil(() => world.converged(), 30 * MINUTE)).toBeLessThanOrEqual(5 * MINUTE);
  });

  test(`a member that floods with made-up ids costs bounded memory and stops nobody (SEED=${seed})`, () => {
    const world = new World({ seed, members: 12 });
    world.runFor(5_000);
    const flooder = world.members[11]!;
    const victims = world.members.slice(0, 11);
    for (let i = 0; i < 30; i++) {
      const ids = Array.from({ length: 500 }, () => world.randomId());
      for (const victim of victims) {
        for (const kind of ["ihave", "graft", "announced"] as const) {
          world.tell(victim, { kind, from: flooder.key, ids });
        }
        expect(victim.machine.sizes().missing).toBeLessThanOrEqual(2 * config.missingIds.perPeerMax);
      }
      world.publish(victims[i % 11]);
      world.runFor(1_000);
    }
    expect(world.runUntil(() => world.converged(), MINUTE)).toBeLessThanOrEqual(10_000);
    world.runFor(2 * MINUTE);
    for (const victim of victims) expect(victim.machine.sizes().missing).toBe(0);
  });

  test(`a group most of whose members are away works among those who are there (SEED=${seed})`, () => {
    const world = new World({ seed, members: 60 });
    for (const member of world.members.slice(10)) world.stop(member);
    world.runFor(MINUTE);
    for (let i = 0; i < 10; i++) {
      world.publish();
      world.runFor(1_000);
    }
    expect(world.runUntil(() => world.converged(), MINUTE)).toBeLessThanOrEqual(10_000);
    for (const member of world.members.slice(10)) world.restart(member);
    expect(world.runUntil(() => world.converged(), 10 * MINUTE)).toBeLessThanOrEqual(MINUTE);
  });

  test(`two members that lost each other for a moment meet again within seconds (SEED=${seed})`, () => {
    const world = new World({ seed, members: 2 });
    world.runFor(5_000);
    world.partition();
    world.publish(world.members[0]);
    world.runFor(2_000);
    world.heal();
    expect(world.runUntil(() => world.converged(), MINUTE)).toBeLessThanOrEqual(10_000);
  });
}
