import { expect, test } from "bun:test";
import fc from "fast-check";
import { steadyMs } from "../../src/core/clock.ts";
import type { MessageId, PublicKey } from "../../src/core/ids.ts";
import type { KeySet } from "../../src/core/salted-map.ts";
import type { Effect, NetworkEffect, Timer } from "../../src/machine/effect.ts";
import type { Event } from "../../src/machine/event.ts";
import { GroupMachine } from "../../src/machine/group-machine.ts";
import { MACHINE_DEFAULTS as config, type MachineConfig } from "../../src/machine/machine-config.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { acts, head, id, ids, members, node, place, root, TestGroup } from "./group.ts";

function machineOf(group: TestGroup, limits: MachineConfig = config): GroupMachine {
  const random = new SeededRandom(1);
  return new GroupMachine({ local: node(0), messages: group, roster: group, random, config: limits });
}

function expectBounded(machine: GroupMachine): void {
  const sizes = machine.sizes();
  expect(sizes.partners).toBeLessThanOrEqual(sizes.partnersMax);
  expect(sizes.missing).toBeLessThanOrEqual(config.missingIds.idsMax);
  expect(sizes.gathered).toBeLessThanOrEqual(sizes.partnersMax * config.frame.idsMax);
  expect(sizes.pending).toBeLessThanOrEqual(config.pull.pendingMax);
  expect(sizes.refused).toBeLessThanOrEqual(config.catchUp.refusedMax);
  expect(sizes.retries).toBeLessThanOrEqual(config.retryQueue.entriesMax);
  expect(sizes.quarantined).toBeLessThanOrEqual(config.quarantine.countMax);
  expect(sizes.quarantinedBytes).toBeLessThanOrEqual(config.quarantine.bytesMax);
}

test("a group whose roster lacks us is silent", () => {
  const machine = machineOf(new TestGroup());
  const others = members(5);
  others.delete(node(0));
  expect(
    machine.handle({ kind: "members", members: others }, steadyMs(0)).every(({ kind }) => kind === "schedule"),
  ).toBe(true);
  expect(machine.handle({ kind: "peer", peer: node(1), connected: true }, steadyMs(1))).toEqual([]);
  expect(machine.handle({ kind: "stored", ids: [id(1)], from: undefined, via: "publish" }, steadyMs(2))).toEqual([]);
});

test("with the roster behind, the roster is asked for before messages, and then the peer is compared", () => {
  const group = new TestGroup();
  const machine = machineOf(group);
  machine.handle({ kind: "members", members: members(3) }, steadyMs(0));
  const met = machine.handle({ kind: "peer", peer: node(1), connected: true }, steadyMs(0));
  expect(met).toContainEqual({ kind: "ask_status", to: node(1) });
  const status = { ...group.status(9), roster_head: head(999), roster_length: 2 };
  expect(acts(machine.handle({ kind: "status", from: node(1), status }, steadyMs(1)))).toEqual([
    { kind: "ask_roster", to: node(1) },
  ]);
  group.length = 2;
  machine.handle({ kind: "members", members: members(4) }, steadyMs(2));
  const effects = machine.handle({ kind: "roster", from: node(1), outcome: "extended" }, steadyMs(2));
  expect(effects).toContainEqual({ kind: "ask_status", to: node(1) });
});

test("a message of an unknown author is held while its sender's roster is asked for, then verified again", () => {
  const group = new TestGroup();
  const machine = machineOf(group);
  machine.handle({ kind: "members", members: members(3) }, steadyMs(0));
  const message = { from: node(1), id: id(1), author: node(3), canonical: new Uint8Array([1]) };
  expect(acts(machine.handle({ kind: "unknown_author", ...message }, steadyMs(1)))).toEqual([
    { kind: "ask_roster", to: node(1) },
  ]);
  group.authors.add(node(3));
  expect(machine.handle({ kind: "members", members: members(4) }, steadyMs(2))).toContainEqual({
    kind: "recheck",
    messages: [message],
  });
});

test("a back-fill is not offered on; a gap of a few messages is", () => {
  const offered = (count: number): number => {
    const group = new TestGroup();
    const machine = machineOf(group);
    machine.handle({ kind: "members", members: members(4) }, steadyMs(0));
    machine.handle({ kind: "status", from: node(1), status: group.status(count) }, steadyMs(1));
    machine.handle({ kind: "ids_page", from: node(1), ids: ids(1, count), next: undefined }, steadyMs(2));
    machine.handle({ kind: "stored", ids: group.store(...ids(1, count)), from: node(1), via: "pull" }, steadyMs(3));
    return machine.sizes().gathered;
  };
  expect(offered(5)).toBe(10);
  expect(offered(2_000)).toBe(0);
});

test("a peer that floods with ids nobody holds costs bounded memory and keeps nobody else out", () => {
  const group = new TestGroup();
  const machine = machineOf(group);
  machine.handle({ kind: "members", members: members(20) }, steadyMs(0));
  for (let i = 0; i < 50; i++) {
    machine.handle({ kind: "ihave", from: node(1), ids: ids(1_000_000 + i * 4_096, 4_096) }, steadyMs(i));
    machine.handle({ kind: "graft", from: node(1), ids: ids(1_000_000 + i * 4_096, 4_096) }, steadyMs(i));
    machine.handle({ kind: "announced", from: node(1), ids: ids(9_000_000 + i * 4_096, 4_096) }, steadyMs(i));
  }
  expect(machine.sizes().missing).toBe(config.missingIds.perPeerMax);
  machine.handle({ kind: "ihave", from: node(2), ids: [id(1)] }, steadyMs(100));
  expect(machine.sizes().missing).toBe(config.missingIds.perPeerMax + 1);
  const grafts = machine.handle({ kind: "timer", timer: "graft" }, steadyMs(4_200));
  expect(grafts).toContainEqual({ kind: "graft", to: node(2), ids: [id(1)] });
  // What never comes is given up, and the room is free again.
  for (let nowMs = 5_000; nowMs < 200_000; nowMs += 1_000)
    machine.handle({ kind: "timer", timer: "graft" }, steadyMs(nowMs));
  expect(machine.sizes().missing).toBe(0);
});

/** A group of `size` with `held` messages, of which nobody has been asked anything. */
function quiet(size: number, held: number): { group: TestGroup; machine: GroupMachine } {
  const group = new TestGroup();
  group.store(...ids(1, held));
  const machine = machineOf(group);
  machine.handle({ kind: "members", members: members(size) }, steadyMs(0));
  return { group, machine };
}

const askIds = (n: number): Effect => ({
  kind: "ask_ids",
  to: node(n),
  after: undefined,
  limit: config.frame.idsMax,
});

test("what a peer says of its copy with its own question is compared at once", () => {
  const { group, machine } = quiet(3, 2);
  expect(acts(machine.handle({ kind: "status", from: node(1), status: group.status(3) }, steadyMs(1)))).toEqual([
    askIds(1),
  ]);
});

test("what it says while our question is under way stands for the answer", () => {
  const { group, machine } = quiet(3, 2);
  const [ask] = acts(machine.handle({ kind: "peer", peer: node(1), connected: true }, steadyMs(0)));
  expect(ask).toEqual({ kind: "ask_status", to: node(1) });
  const said: Event = { kind: "status", from: node(1), status: group.status(2) };
  expect(machine.handle(said, steadyMs(10))).toContainEqual({
    kind: "report",
    report: { what: "compared", peer: node(1), outcome: "equal", stored: 0, missing: 0 },
  });
  // Neither the answer nor its absence changes what is settled.
  expect(machine.handle(said, steadyMs(20))).toEqual([]);
  expect(
    acts(machine.handle({ kind: "failed", effect: ask as NetworkEffect, failure: "refused" }, steadyMs(30))),
  ).toEqual([]);
  const later = 20 + config.catchUp.offeredEveryMs;
  expect(acts(machine.handle({ kind: "status", from: node(1), status: group.status(3) }, steadyMs(later)))).toEqual([
    askIds(1),
  ]);
});

test("a question that tells nothing of what is shared does not stand for the answer, which tells how the copies stand", () => {
  const { group, machine } = quiet(3, 2);
  group.wantedFromMs = 86_400_000;
  group.parts.set(86_400_000, { root: root(7), count: 1 });
  machine.handle({ kind: "peer", peer: node(1), connected: true }, steadyMs(0));
  const status = group.status(9);
  expect(machine.handle({ kind: "status", from: node(1), status, isQuestion: true }, steadyMs(1))).toEqual([]);
  expect(machine.copyOf(node(1))).toBeUndefined();
  const shared = { shared_since_ms: 86_400_000, shared_root: root(7), shared_count: 1 };
  machine.handle({ kind: "status", from: node(1), status: { ...status, ...shared }, isQuestion: false }, steadyMs(2));
  expect(machine.copyOf(node(1))).toEqual({ outcome: "equal", sinceMs: 86_400_000, ours: 1, theirs: 1 });
});

test("an answer that tells nothing of what is shared is followed by another question, soon", () => {
  const { group, machine } = quiet(3, 2);
  group.wantedFromMs = 86_400_000;
  machine.handle({ kind: "peer", peer: node(1), connected: true }, steadyMs(0));
  const answer: Event = { kind: "status", from: node(1), status: group.status(9), isQuestion: false };
  expect(acts(machine.handle(answer, steadyMs(1)))).toEqual([]);
  const [soonest, latest] = config.catchUp.partialCooldownMs;
  expect(acts(machine.handle({ kind: "timer", timer: "compare" }, steadyMs(soonest)))).toEqual([]);
  expect(acts(machine.handle({ kind: "timer", timer: "compare" }, steadyMs(1 + latest)))).toEqual([
    { kind: "ask_status", to: node(1) },
  ]);
});

test("who asks with fewer messages pulls ours, and is looked at again only after that", () => {
  const { group, machine } = quiet(3, 5);
  const { confirmAfterMs } = config.catchUp;
  expect(acts(machine.handle({ kind: "status", from: node(1), status: group.status(3) }, steadyMs(1)))).toEqual([]);
  expect(acts(machine.handle({ kind: "timer", timer: "compare" }, steadyMs(confirmAfterMs)))).toEqual([]);
  expect(acts(machine.handle({ kind: "timer", timer: "compare" }, steadyMs(1 + confirmAfterMs)))).toEqual([
    { kind: "ask_status", to: node(1) },
  ]);
  const answer: Event = { kind: "status", from: node(1), status: group.status(4) };
  expect(acts(machine.handle(answer, steadyMs(100 + confirmAfterMs)))).toEqual([askIds(1)]);
});

test("a peer that asks without end makes us ask no more often than its answers would", () => {
  const { group, machine } = quiet(3, 2);
  const minutes = 10;
  const asked = { ask_ids: 0, ask_status: 0, ask_roster: 0, push_roster: 0 };
  const tell = (event: Event, nowMs: number): void => {
    for (const effect of machine.handle(event, steadyMs(nowMs))) {
      if (effect.kind in asked) asked[effect.kind as keyof typeof asked] += 1;
      // It always has more to list and never delivers it; other answers it gives at once too.
      if (effect.kind === "ask_ids") {
        tell({ kind: "ids_page", from: node(1), ids: ids(nowMs * 10 + 100, 3), next: undefined }, nowMs);
      } else if (effect.kind === "fetch") {
        const { ids: unknown, via } = effect;
        tell({ kind: "fetched", from: node(1), via, ids: unknown, stored: [], unknown, refused: [] }, nowMs);
      } else if (effect.kind === "ask_status" && effect.to === node(1)) {
        tell({ kind: "status", from: node(1), status: group.status(4) }, nowMs);
      } else if (effect.kind === "ask_roster") tell({ kind: "roster", from: node(1), outcome: "same" }, nowMs);
    }
  };
  for (let nowMs = 0; nowMs < minutes * 60_000; nowMs += 100) {
    const status = { ...group.status(3 + (nowMs % 7)), roster_head: head(nowMs), roster_length: nowMs % 3 };
    tell({ kind: "status", from: node(1), status }, nowMs);
    if (nowMs % 1_000 === 0) tell({ kind: "timer", timer: "compare" }, nowMs);
  }
  const looks = (minutes * 60_000) / config.catchUp.offeredEveryMs;
  // Besides, somebody is asked by the timer every 24 s.
  const byTimer = (minutes * 60_000) / config.catchUp.compareEveryMs[0];
  // Fewer each time, for it does not deliver what it lists.
  expect(asked.ask_ids).toBeGreaterThan(5);
  expect(asked.ask_ids).toBeLessThanOrEqual(looks + byTimer);
  expect(asked.ask_status).toBeLessThanOrEqual(byTimer);
  expect(asked.ask_roster).toBeLessThanOrEqual(looks + byTimer);
  expect(asked.push_roster).toBeLessThanOrEqual((minutes * 60_000) / config.rosterExchange.pushMs + 1);
});

test("a peer that failed us is left alone, whatever it says with its questions", () => {
  const { group, machine } = quiet(3, 2);
  const [ask] = acts(machine.handle({ kind: "peer", peer: node(1), connected: true }, steadyMs(0)));
  machine.handle({ kind: "failed", effect: ask as NetworkEffect, failure: "timeout" }, steadyMs(60_000));
  const said: Event = { kind: "status", from: node(1), status: group.status(3) };
  expect(machine.handle(said, steadyMs(60_000 + config.catchUp.failureFirstMs - 1))).toEqual([]);
  expect(machine.handle(said, steadyMs(60_000 + config.catchUp.failureFirstMs))).toEqual([askIds(1)]);
});

test("limits and times are those of the configuration", () => {
  const small: MachineConfig = {
    ...config,
    frame: { idsMax: 100 },
    plumtree: { ...config.plumtree, graftDelaySmallMs: 7 },
    missingIds: { ...config.missingIds, idsMax: 5, perPeerMax: 3 },
    catchUp: { ...config.catchUp, backfillIds: 2 },
    pull: { ...config.pull, fetchIds: 4, fetchesMax: 2 },
    quarantine: { ...config.quarantine, countMax: 2 },
  };
  const machine = machineOf(new TestGroup(), small);
  machine.handle({ kind: "members", members: members(4) }, steadyMs(0));
  const named = machine.handle({ kind: "ihave", from: node(1), ids: ids(1, 4) }, steadyMs(0));
  expect(named).toEqual([{ kind: "schedule", timer: "graft", afterMs: 7 }]);
  expect(machine.sizes().missing).toBe(3);
  machine.handle({ kind: "ihave", from: node(2), ids: ids(11, 4) }, steadyMs(0));
  expect(machine.sizes().missing).toBe(5);
  const status = new TestGroup().status(20);
  expect(acts(machine.handle({ kind: "status", from: node(3), status }, steadyMs(0)))).toEqual([
    { kind: "ask_ids", to: node(3), after: undefined, limit: 100 },
  ]);
  const listed = machine.handle({ kind: "ids_page", from: node(3), ids: ids(1, 20), next: undefined }, steadyMs(0));
  expect(listed.map((effect) => "ids" in effect && effect.ids.length)).toEqual([4]);
  for (const n of [1, 2, 3]) {
    const canonical = new Uint8Array(1);
    machine.handle({ kind: "unknown_author", from: node(n), id: id(100 + n), author: node(9), canonical }, steadyMs(0));
  }
  expect(machine.sizes().quarantined).toBe(2);
});

const MEMBERS = 12;
const aPeer: fc.Arbitrary<PublicKey> = fc.nat(MEMBERS + 2).map(node);
const someIds: fc.Arbitrary<MessageId[]> = fc.oneof(
  { weight: 9, arbitrary: fc.array(fc.nat(60).map(id), { maxLength: 6 }) },
  { weight: 1, arbitrary: fc.nat(20_000).map((from) => ids(from, 5_000)) },
);
const aTimer: fc.Arbitrary<Timer> = fc.constantFrom("partners", "ihave", "graft", "retry", "compare", "quarantine");
const aNetworkEffect: fc.Arbitrary<NetworkEffect> = fc.oneof(
  fc.record({ kind: fc.constantFrom("push", "ihave", "graft"), to: aPeer, ids: someIds }),
  fc.record({ kind: fc.constantFrom("prune", "push_roster", "ask_status", "ask_roster"), to: aPeer }),
  fc.record({ kind: fc.constant("fetch" as const), from: aPeer, ids: someIds, via: fc.constantFrom("fetch", "pull") }),
  fc.record({
    kind: fc.constant("ask_ids" as const),
    to: aPeer,
    after: fc.option(fc.nat(60).map(place), { nil: undefined }),
    limit: fc.constant(config.frame.idsMax),
  }),
);
const anEvent: fc.Arbitrary<Event> = fc.oneof(
  fc.nat(MEMBERS).map((count): Event => ({ kind: "members", members: members(count) })),
  fc.record({ kind: fc.constant("peer" as const), peer: aPeer, connected: fc.boolean() }),
  fc.record({
    kind: fc.constant("stored" as const),
    ids: someIds,
    from: fc.option(aPeer, { nil: undefined }),
    via: fc.constantFrom("publish", "push", "fetch", "pull"),
  }),
  fc.record({ kind: fc.constantFrom("duplicate", "announced", "ihave", "graft"), from: aPeer, ids: someIds }),
  fc.record({ kind: fc.constant("prune" as const), from: aPeer }),
  fc.record({
    kind: fc.constant("fetched" as const),
    from: aPeer,
    via: fc.constantFrom("fetch", "pull"),
    ids: someIds,
    stored: someIds,
    unknown: someIds,
    refused: someIds,
  }),
  fc.record({
    kind: fc.constant("status" as const),
    from: aPeer,
    status: fc.record({
      roster_head: fc.option(fc.nat(3).map(head), { nil: undefined }),
      roster_length: fc.option(fc.nat(3), { nil: undefined }),
      merkle_root: fc.nat(3).map(root),
      message_count: fc.option(fc.nat(3), { nil: undefined }),
      pruned_to_ms: fc.nat(3),
      shared_since_ms: fc.nat(3),
      shared_root: fc.nat(3).map(root),
      shared_count: fc.nat(3),
      now_ms: fc.nat(3),
    }),
  }),
  fc.record({
    kind: fc.constant("ids_page" as const),
    from: aPeer,
    ids: someIds,
    next: fc.option(fc.nat(60).map(place), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant("roster" as const),
    from: fc.option(aPeer, { nil: undefined }),
    outcome: fc.constantFrom("extended", "same", "behind", "gap", "forked", "rejected"),
  }),
  fc.record({
    kind: fc.constant("unknown_author" as const),
    from: aPeer,
    id: fc.nat(2_000).map(id),
    author: aPeer,
    canonical: fc.nat(300_000).map((length) => new Uint8Array(length)),
  }),
  fc.record({
    kind: fc.constant("failed" as const),
    effect: aNetworkEffect,
    failure: fc.constantFrom("unreachable", "backoff", "timeout", "refused"),
  }),
  fc.record({ kind: fc.constant("timer" as const), timer: aTimer }),
);

test("whatever happens in whatever order, nothing throws, no table outgrows its limit, and only members are addressed", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anEvent, fc.nat(40_000)), { maxLength: 120, size: "max" }), (steps) => {
      const group = new TestGroup();
      const machine = machineOf(group);
      let current: KeySet<PublicKey> = members(MEMBERS);
      let before: KeySet<PublicKey> = current;
      let nowMs = 0;
      machine.handle({ kind: "members", members: current }, steadyMs(nowMs));
      for (const [event, passedMs] of steps) {
        nowMs += passedMs;
        if (event.kind === "members") {
          before = current;
          current = event.members.has(node(0)) ? event.members : new Set();
        }
        if (event.kind === "stored") group.store(...event.ids);
        const effects: Effect[] = machine.handle(event, steadyMs(nowMs));
        expectBounded(machine);
        for (const effect of effects) {
          if (effect.kind === "schedule") expect(effect.afterMs).toBeGreaterThanOrEqual(0);
          if ("ids" in effect) expect(effect.ids.length).toBeLessThanOrEqual(Math.max(5_000, config.frame.idsMax));
          const peer = effect.kind === "fetch" ? effect.from : "to" in effect ? effect.to : undefined;
          if (peer === undefined) continue;
          expect(peer).not.toBe(node(0));
          expect(current.has(peer) || (effect.kind === "push_roster" && before.has(peer))).toBe(true);
        }
      }
    }),
    { numRuns: process.env.SOAK === undefined ? 100 : 5_000 },
  );
}, 600_000);
