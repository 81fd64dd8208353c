import { beforeEach, expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import type { Effect } from "../../src/machine/effect.ts";
import type { Event } from "../../src/machine/event.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { Partners } from "../../src/machine/partners.ts";
import { Plumtree } from "../../src/machine/plumtree.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { acts, id, ids, members, node, TestGroup } from "./group.ts";

let group: TestGroup;
let partners: Partners;
let plumtree: Plumtree;

beforeEach(() => {
  group = new TestGroup();
  partners = new Partners({ local: node(0), random: new SeededRandom(1), config });
  plumtree = new Plumtree({ index: group, partners, random: new SeededRandom(2), isBeingPulled: () => false, config });
});

function handle(event: Event, nowMs = 0): Effect[] {
  partners.handle(event, steadyMs(nowMs));
  const sent = plumtree.handle(event, steadyMs(nowMs));
  return [...sent, ...partners.follow(sent, steadyMs(nowMs))];
}

/** A group in which `size` - 1 others are connected. */
function start(size: number): void {
  handle({ kind: "members", members: members(size) });
  for (let n = 1; n < size; n++) handle({ kind: "peer", peer: node(n), connected: true });
}

test("at the start every member of a small group is asked to be a partner", () => {
  const effects = handle({ kind: "members", members: members(4) });
  expect(effects.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))).toEqual(
    [1, 2, 3].map((n) => ({ kind: "graft", to: node(n), ids: [] })),
  );
});

test("in a small group an author pushes to everyone and a relay only names the message, gathered for 100 ms", () => {
  start(4);
  const published = acts(handle({ kind: "stored", ids: group.store(id(1)), from: undefined, via: "publish" }));
  expect(published.map(({ kind }) => kind)).toEqual(["push", "push", "push"]);
  const relayed = handle({ kind: "stored", ids: group.store(id(2)), from: node(1), via: "push" }, 10);
  expect(relayed).toEqual([{ kind: "schedule", timer: "ihave", afterMs: config.plumtree.ihaveBatchMs }]);
  expect(handle({ kind: "stored", ids: group.store(id(3)), from: node(1), via: "push" }, 20)).toEqual([]);
  const flushed = handle({ kind: "timer", timer: "ihave" }, 110);
  expect(new Set(flushed)).toEqual(new Set([2, 3].map((n) => ({ kind: "ihave", to: node(n), ids: [id(2), id(3)] }))));
});

test("what came from somebody who was removed before is passed on to nobody", () => {
  for (const size of [4, 40]) {
    start(size);
    for (const via of ["push", "fetch", "pull"] as const) {
      expect(handle({ kind: "stored", ids: group.store(id(size)), from: node(1), via, apart: true }, 10)).toEqual([]);
    }
    expect(acts(handle({ kind: "timer", timer: "ihave" }, 1_000))).toEqual([]);
  }
});

test("who named a message first is neither sent its body nor its id", () => {
  start(4);
  handle({ kind: "ihave", from: node(2), ids: [id(1)] });
  handle({ kind: "stored", ids: group.store(id(1)), from: node(1), via: "push" }, 10);
  handle({ kind: "ihave", from: node(3), ids: [id(1)] }, 20);
  expect(handle({ kind: "timer", timer: "ihave" }, 110)).toEqual([]);
});

test("in a larger group bodies go to eager partners and ids to lazy ones, at once", () => {
  start(40);
  const [first, second] = partners.all();
  handle({ kind: "prune", from: first! });
  const effects = handle({ kind: "stored", ids: group.store(id(1)), from: second, via: "push" });
  expect(effects.filter((effect) => effect.kind === "push").map(({ to }) => to)).toEqual(
    partners.all().filter((peer) => peer !== first && peer !== second),
  );
  expect(handle({ kind: "timer", timer: "ihave" }, config.plumtree.ihaveBatchMs)).toEqual([
    { kind: "ihave", to: first!, ids: [id(1)] },
  ]);
});

test("a duplicate prunes its sender once in a burst", () => {
  start(40);
  const [peer] = partners.all();
  group.store(...ids(1, 9));
  const duplicate = (n: number, nowMs: number): Effect[] =>
    handle({ kind: "duplicate", from: peer!, ids: [id(n)] }, nowMs);
  expect(duplicate(1, 0)).toEqual([{ kind: "prune", to: peer! }]);
  expect(partners.link(peer!)).toBe("lazy");
  expect(duplicate(2, 1)).toEqual([]);
  expect(duplicate(3, config.plumtree.pruneRepeatMs)).toEqual([{ kind: "prune", to: peer! }]);
});

test("a push that a pull outran goes on along the tree instead of being pruned", () => {
  start(40);
  const [parent, child] = partners.all();
  const pulled = handle({ kind: "stored", ids: group.store(id(1)), from: node(39), via: "pull" });
  expect(pulled.filter(({ kind }) => kind === "push")).toEqual([]);
  const effects = handle({ kind: "duplicate", from: parent!, ids: [id(1)] }, 10);
  expect(effects).toContainEqual({ kind: "push", to: child!, ids: [id(1)] });
  expect(effects.some(({ kind }) => kind === "prune")).toBe(false);
  expect(handle({ kind: "duplicate", from: child!, ids: [id(1)] }, 20)).toEqual([{ kind: "prune", to: child! }]);
});

for (const [size, [earliestMs, latestMs]] of [
  [4, [config.plumtree.graftDelaySmallMs, config.plumtree.graftDelaySmallMs]],
  [40, config.plumtree.graftDelayMs],
] as const) {
  test(`with ${size} members an id without its body is grafted after a while, from one holder at a time`, () => {
    start(size);
    const [wakeUp] = handle({ kind: "ihave", from: node(1), ids: [id(1)] });
    if (wakeUp?.kind !== "schedule") throw new Error("expected schedule");
    const delayMs = wakeUp.afterMs;
    expect(delayMs).toBeGreaterThanOrEqual(earliestMs);
    expect(delayMs).toBeLessThanOrEqual(latestMs);
    handle({ kind: "ihave", from: node(2), ids: [id(1)] }, 10);
    expect(acts(handle({ kind: "timer", timer: "graft" }, delayMs - 1))).toEqual([]);
    expect(acts(handle({ kind: "timer", timer: "graft" }, delayMs))).toEqual([
      { kind: "graft", to: node(1), ids: [id(1)] },
    ]);
    expect(partners.link(node(1))).toBe("eager");
    expect(acts(handle({ kind: "timer", timer: "graft" }, delayMs + config.plumtree.graftRetryMs - 1))).toEqual([]);
    expect(acts(handle({ kind: "timer", timer: "graft" }, delayMs + config.plumtree.graftRetryMs))).toEqual([
      { kind: "graft", to: node(2), ids: [id(1)] },
    ]);
  });
}

test("a body that arrives in time cancels the graft", () => {
  start(4);
  handle({ kind: "ihave", from: node(1), ids: [id(1)] });
  handle({ kind: "stored", ids: group.store(id(1)), from: node(2), via: "push" }, 400);
  expect(acts(handle({ kind: "timer", timer: "graft" }, config.plumtree.graftDelaySmallMs))).toEqual([]);
  expect(plumtree.missing).toBe(0);
});

test("pruned messages are not asked for", () => {
  start(4);
  group.pruned.add(id(1));
  expect(handle({ kind: "ihave", from: node(1), ids: [id(1)] })).toEqual([]);
  expect(handle({ kind: "announced", from: node(1), ids: [id(1)] }, 1)).toEqual([{ kind: "prune", to: node(1) }]);
});

test("a graft is answered with bodies at once and makes the asker eager; ids we lack are passed over", () => {
  start(4);
  group.store(id(1), id(2));
  expect(handle({ kind: "graft", from: node(1), ids: [id(1), id(9), id(2)] })).toEqual([
    { kind: "push", to: node(1), ids: [id(1), id(2)] },
  ]);
  expect(partners.link(node(1))).toBe("eager");
});

test("one peer's grafts bring back a bounded number of bodies, which refills with time", () => {
  start(4);
  group.store(...ids(0, config.plumtree.graftIdsMax));
  const graft = (nowMs: number): number => {
    const [effect] = handle({ kind: "graft", from: node(1), ids: ids(0, config.plumtree.graftIdsMax) }, nowMs);
    return effect?.kind === "push" ? effect.ids.length : 0;
  };
  let pushed = 0;
  for (let i = 0; i < 100; i++) pushed += graft(0);
  expect(pushed).toBe(config.plumtree.graftBurst);
  expect(graft(1000)).toBe(128);
});

test("an announced body is fetched once, from the next holder when the first fails", () => {
  start(4);
  expect(acts(handle({ kind: "announced", from: node(1), ids: [id(1)] }))).toEqual([
    { kind: "fetch", from: node(1), ids: [id(1)], via: "fetch" },
  ]);
  expect(acts(handle({ kind: "announced", from: node(2), ids: [id(1)] }, 1))).toEqual([]);
  handle({ kind: "fetched", from: node(1), via: "fetch", ids: [id(1)], stored: [], unknown: [], refused: [id(1)] }, 50);
  expect(acts(handle({ kind: "timer", timer: "graft" }, 50))).toEqual([{ kind: "graft", to: node(2), ids: [id(1)] }]);
});

test("an id that its only holder denies is forgotten", () => {
  start(4);
  handle({ kind: "announced", from: node(1), ids: [id(1)] });
  handle({ kind: "fetched", from: node(1), via: "fetch", ids: [id(1)], stored: [], unknown: [id(1)], refused: [] }, 50);
  expect(plumtree.missing).toBe(0);
});

test("a graft answered by a name alone is followed by a fetch", () => {
  start(4);
  handle({ kind: "ihave", from: node(1), ids: [id(1)] });
  handle({ kind: "timer", timer: "graft" }, config.plumtree.graftDelaySmallMs);
  expect(
    acts(handle({ kind: "announced", from: node(1), ids: [id(1)] }, config.plumtree.graftDelaySmallMs + 20)),
  ).toEqual([{ kind: "fetch", from: node(1), ids: [id(1)], via: "fetch" }]);
});

test("a removed member is in no set any more and its frames do nothing", () => {
  start(4);
  handle({ kind: "ihave", from: node(3), ids: [id(7)] });
  const left = members(4);
  left.delete(node(3));
  handle({ kind: "members", members: left });
  const effects = handle({ kind: "stored", ids: group.store(id(1)), from: undefined, via: "publish" });
  expect(effects.map((effect) => "to" in effect && effect.to)).toEqual([node(1), node(2)]);
  expect(plumtree.missing).toBe(0);
  for (const event of [
    { kind: "ihave", from: node(3), ids: [id(5)] },
    { kind: "graft", from: node(3), ids: [id(1)] },
    { kind: "announced", from: node(3), ids: [id(5)] },
    { kind: "duplicate", from: node(3), ids: [id(1)] },
    { kind: "prune", from: node(3) },
    { kind: "peer", peer: node(3), connected: true },
  ] as const) {
    expect(handle(event)).toEqual([]);
  }
});

test("an unreachable partner is replaced, and asked again after a while", () => {
  start(40);
  const before = partners.all();
  const effects = handle({ kind: "peer", peer: before[0]!, connected: false });
  expect(effects).toEqual([{ kind: "graft", to: partners.all().at(-1)!, ids: [] }]);
  expect(partners.all()).not.toContain(before[0]!);
  expect(partners.isDown(before[0]!, steadyMs(1_000))).toBe(true);
  expect(partners.isDown(before[0]!, steadyMs(60_000))).toBe(false);
});

test("partners stay near log2 of the group, also when everyone wants to be one", () => {
  start(1_001);
  expect(partners.size).toBe(7);
  for (let n = 1; n <= 1_000; n++) handle({ kind: "graft", from: node(n), ids: [] }, n);
  expect(partners.size).toBe(28);
});
