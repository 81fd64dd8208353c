import { beforeEach, expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { MessageId } from "../../src/core/ids.ts";
import { CatchUp } from "../../src/machine/catch-up.ts";
import type { Effect } from "../../src/machine/effect.ts";
import type { Event } from "../../src/machine/event.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { Partners } from "../../src/machine/partners.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { acts, id, ids, members, node, place, root, TestGroup } from "./group.ts";

let group: TestGroup;
let partners: Partners;
let catchUp: CatchUp;

beforeEach(() => {
  group = new TestGroup();
  partners = new Partners({ local: node(0), random: new SeededRandom(1), config });
  catchUp = new CatchUp({ index: group, partners, random: new SeededRandom(2), config });
  handle({ kind: "members", members: members(6) });
});

function handle(event: Event, nowMs = 0): Effect[] {
  partners.handle(event, steadyMs(nowMs));
  return catchUp.handle(event, steadyMs(nowMs));
}

function connect(n: number, nowMs = 0): Effect[] {
  return handle({ kind: "peer", peer: node(n), connected: true }, nowMs);
}

/** The peer holds `held` and lists it in one page. */
function listed(n: number, held: number, nowMs = 0): Effect[] {
  handle({ kind: "status", from: node(n), status: group.status(held) }, nowMs);
  return handle({ kind: "ids_page", from: node(n), ids: ids(1, held), next: undefined }, nowMs);
}

/** A full page from the nth id on, of a peer that holds more. */
function page(from: number) {
  return { ids: ids(from, config.frame.idsMax), next: place(from + config.frame.idsMax - 1) };
}

function deliver(effect: Effect | undefined, nowMs = 0, refused: readonly number[] = []): Effect[] {
  if (effect?.kind !== "fetch") throw new Error(`expected a fetch, got ${JSON.stringify(effect)}`);
  const bad = refused.map(id);
  const stored = group.store(...effect.ids.filter((message) => !bad.includes(message)));
  const { from, via } = effect;
  return handle({ kind: "fetched", from, via, ids: effect.ids, stored, unknown: [], refused: bad }, nowMs);
}

test("a member that connects is asked, and not again before its cool-down is over", () => {
  expect(connect(1)).toEqual([{ kind: "ask_status", to: node(1) }]);
  expect(connect(1, 1)).toEqual([]);
  handle({ kind: "status", from: node(1), status: group.status(0) }, 10);
  expect(connect(1, 20_000)).toEqual([]);
  expect(connect(1, 40_000)).toEqual([{ kind: "ask_status", to: node(1) }]);
});

test("a member that was gone is asked as soon as it is back, but not more than once a second", () => {
  connect(1);
  handle({ kind: "status", from: node(1), status: group.status(0) }, 10);
  handle({ kind: "peer", peer: node(1), connected: false }, 500);
  expect(connect(1, 600)).toEqual([{ kind: "schedule", timer: "compare", afterMs: 410 }]);
  expect(acts(handle({ kind: "timer", timer: "compare" }, 1_010))).toEqual([{ kind: "ask_status", to: node(1) }]);
  handle({ kind: "status", from: node(1), status: group.status(0) }, 1_020);
  handle({ kind: "peer", peer: node(1), connected: false }, 2_500);
  expect(connect(1, 2_600)).toEqual([{ kind: "ask_status", to: node(1) }]);
});

test("a member whose copy differs and could not be listed is asked again when its cool-down is over, each one longer", () => {
  connect(1);
  let askedMs = 0;
  for (const waitMs of [5_000, 10_000, 20_000]) {
    const [ask] = acts(handle({ kind: "status", from: node(1), status: group.status(3) }, askedMs));
    expect(ask).toMatchObject({ kind: "ask_ids", to: node(1) });
    const failedMs = askedMs + 1_000;
    handle({ kind: "failed", effect: ask as never, failure: "timeout" }, failedMs);
    const asks = (nowMs: number) => acts(handle({ kind: "timer", timer: "compare" }, nowMs));
    // The comparison that is due by itself goes to others.
    expect(asks(failedMs + waitMs - 1)).not.toContainEqual({ kind: "ask_status", to: node(1) });
    askedMs = failedMs + waitMs;
    expect(asks(askedMs)).toContainEqual({ kind: "ask_status", to: node(1) });
  }
});

test("equal roots end the comparison", () => {
  connect(1);
  expect(handle({ kind: "status", from: node(1), status: group.status(0) })).toEqual([
    {
      kind: "report",
      report: { what: "compared", peer: node(1), outcome: "equal", stored: 0, missing: 0 },
    },
  ]);
});

test("the timer asks the member compared longest ago, whatever its root was then", () => {
  const asked: unknown[] = [];
  for (let n = 1; n < 6; n++) {
    connect(n, 0);
    handle({ kind: "status", from: node(n), status: group.status(0) }, n);
  }
  for (let nowMs = 40_000; nowMs < 240_000; nowMs += 40_000) {
    for (const effect of handle({ kind: "timer", timer: "compare" }, nowMs)) {
      if (effect.kind !== "ask_status") continue;
      asked.push(effect.to);
      handle({ kind: "status", from: effect.to, status: group.status(0) }, nowMs);
    }
  }
  expect(asked).toEqual([1, 2, 3, 4, 5].map(node));
});

test("differing roots start a pull of what we lack", () => {
  group.store(id(2));
  connect(1);
  expect(acts(handle({ kind: "status", from: node(1), status: group.status(3) }))).toEqual([
    { kind: "ask_ids", to: node(1), after: undefined, limit: config.frame.idsMax },
  ]);
  const [fetch] = handle({ kind: "ids_page", from: node(1), ids: ids(1, 3), next: undefined });
  expect(fetch).toEqual({ kind: "fetch", from: node(1), ids: [id(1), id(3)], via: "pull" });
  expect(deliver(fetch)).toContainEqual({
    kind: "report",
    report: { what: "compared", peer: node(1), outcome: "caught_up", stored: 2, missing: 0 },
  });
});

test("a peer without messages is not asked for any", () => {
  group.store(id(1));
  connect(1);
  expect(handle({ kind: "status", from: node(1), status: group.status(0) })).toEqual([]);
});

test("a difference that may be a message under way is looked at again before anything is pulled", () => {
  handle({ kind: "stored", ids: group.store(id(1)), from: node(2), via: "push" }, 1_000);
  connect(1, 1_100);
  const status = group.status(2);
  expect(acts(handle({ kind: "status", from: node(1), status }, 1_200))).toEqual([]);
  expect(acts(handle({ kind: "timer", timer: "compare" }, 1_200 + config.catchUp.confirmAfterMs))).toEqual([
    { kind: "ask_status", to: node(1) },
  ]);
  handle({ kind: "stored", ids: group.store(id(5)), from: node(2), via: "push" }, 5_250);
  const confirmed = handle({ kind: "status", from: node(1), status: group.status(3) }, 5_300);
  expect(acts(confirmed)).toEqual([{ kind: "ask_ids", to: node(1), after: undefined, limit: config.frame.idsMax }]);
});

test("pages flow while fetches run, within bounds, however much the peer claims", () => {
  connect(1);
  const waiting = acts(handle({ kind: "status", from: node(1), status: group.status(1_000_000) }));
  let next = 1;
  const fetched: number[] = [];
  for (let nowMs = 1; nowMs < 400 && waiting.length > 0; nowMs++) {
    // Pages are answered first, fetches last: the worst case for memory.
    const at = waiting.findIndex(({ kind }) => kind === "ask_ids");
    const [effect] = waiting.splice(Math.max(0, at), 1);
    if (effect?.kind === "ask_ids") {
      expect(effect.after).toEqual(next === 1 ? undefined : place(next - 1));
      waiting.push(...acts(handle({ kind: "ids_page", from: node(1), ...page(next) }, nowMs)));
      next += config.frame.idsMax;
    } else {
      if (effect?.kind === "fetch") fetched.push(effect.ids.length);
      waiting.push(...acts(deliver(effect, nowMs)));
    }
    expect(catchUp.pending).toBeLessThanOrEqual(config.pull.pendingMax);
    expect(waiting.filter(({ kind }) => kind === "fetch").length).toBeLessThanOrEqual(config.pull.fetchesMax);
  }
  expect(fetched.length).toBeGreaterThan(300);
  expect(group.size).toBe(fetched.reduce((sum, count) => sum + count));
});

for (const [what, ...pages] of [
  ["repeats an id", { ids: [id(2), id(2)], next: undefined }],
  ["is empty though more follows", { ids: [], next: place(1) }],
  ["is longer than was asked for", { ids: ids(1, config.frame.idsMax + 1), next: undefined }],
  ["does not go on from the one before", page(1), { ...page(5_000), next: page(1).next }],
] as const) {
  test(`a page that ${what} ends the pull`, () => {
    group.store(...ids(1, config.frame.idsMax));
    connect(1);
    handle({ kind: "status", from: node(1), status: group.status(3) });
    const [last] = pages.map((each) => handle({ kind: "ids_page", from: node(1), ...each })).reverse();
    expect(last).toContainEqual({
      kind: "report",
      report: expect.objectContaining({ what: "compared", peer: node(1), outcome: "failed", stored: 0 }),
    });
    expect(catchUp.pending).toBe(0);
  });
}

test("an id that is listed again while it is under way is not asked for twice", () => {
  connect(1);
  handle({ kind: "status", from: node(1), status: group.status(config.frame.idsMax) });
  const fetches = [
    ...handle({ kind: "ids_page", from: node(1), ids: ids(1, 3), next: place(3) }),
    ...handle({ kind: "ids_page", from: node(1), ids: ids(2, 3), next: place(4) }),
  ].filter(({ kind }) => kind === "fetch");
  // The second waits until the first has brought something or failed.
  expect(fetches).toEqual([{ kind: "fetch", from: node(1), ids: ids(1, 3), via: "pull" }]);
  const again = handle({ kind: "failed", effect: fetches[0] as never, failure: "timeout" }, 1_000);
  expect(acts(again)).toEqual(fetches);
  fetches.push(...acts(handle({ kind: "failed", effect: again[0] as never, failure: "timeout" }, 2_000)));
  expect(fetches[1]).toEqual({ kind: "fetch", from: node(1), ids: [id(4)], via: "pull" });
  handle({ kind: "ids_page", from: node(1), ids: ids(4, 1), next: undefined }, 3_000);
  expect(deliver(fetches[1], 4_000)).toContainEqual({
    kind: "report",
    report: { what: "compared", peer: node(1), outcome: "partial", stored: 1, missing: 3 },
  });
});

test("a failed fetch is tried once more and then reported as partial, with a short cool-down", () => {
  connect(1);
  const [first] = listed(1, 3);
  if (first?.kind !== "fetch") throw new Error("expected a fetch");
  const [second] = handle({ kind: "failed", effect: first, failure: "timeout" }, 1_000);
  expect(second).toEqual(first);
  const effects = handle({ kind: "failed", effect: first, failure: "timeout" }, 2_000);
  expect(effects).toContainEqual({
    kind: "report",
    report: { what: "compared", peer: node(1), outcome: "partial", stored: 0, missing: 3 },
  });
  expect(connect(1, 6_000)).toEqual([]);
  expect(connect(1, 12_001)).toEqual([{ kind: "ask_status", to: node(1) }]);
});

test("refused ids are not asked for again for a while", () => {
  connect(1);
  const [fetch] = listed(1, 2);
  deliver(fetch, 0, [1]);
  handle({ kind: "status", from: node(1), status: group.status(7) }, 60_000);
  expect(acts(handle({ kind: "ids_page", from: node(1), ids: ids(1, 2), next: undefined }, 60_000))).toEqual([]);
  handle({ kind: "status", from: node(1), status: group.status(7) }, 700_000);
  expect(acts(handle({ kind: "ids_page", from: node(1), ids: ids(1, 2), next: undefined }, 700_000))).toHaveLength(1);
});

test("refused ids are asked for again at once when the roster has changed: a new entry may let them in", () => {
  connect(1);
  const [fetch] = listed(1, 2);
  deliver(fetch, 0, [1]);
  handle({ kind: "members", members: members(6) }, 59_000);
  handle({ kind: "status", from: node(1), status: group.status(7) }, 60_000);
  expect(acts(handle({ kind: "ids_page", from: node(1), ids: ids(1, 2), next: undefined }, 60_000))).toHaveLength(1);
});

test("what one peer served broken is asked of another at once", () => {
  connect(1);
  const [fetch] = listed(1, 2);
  deliver(fetch, 0, [1]);
  connect(2, 1);
  handle({ kind: "status", from: node(2), status: group.status(7) }, 60_000);
  const effects = handle({ kind: "ids_page", from: node(2), ids: ids(1, 2), next: undefined }, 60_000);
  expect(acts(effects)).toEqual([{ kind: "fetch", from: node(2), ids: [id(1)], via: "pull" }]);
});

test("a peer that lists ids without end and delivers none is given up, and the next one has its turn", () => {
  connect(1);
  connect(2);
  handle({ kind: "status", from: node(1), status: group.status(1_000_000) });
  handle({ kind: "status", from: node(2), status: group.status(3) });
  let from = 1;
  let asked: Effect[] = [{ kind: "ask_ids", to: node(1), after: undefined, limit: config.frame.idsMax }];
  const outcomes: unknown[] = [];
  for (let nowMs = 0; nowMs < 4 * config.catchUp.pullStalledMs && outcomes.length === 0; nowMs += 10_000) {
    const next: Effect[] = [];
    for (const effect of asked) {
      if (effect.kind === "ask_ids") {
        next.push(...handle({ kind: "ids_page", from: node(1), ...page(from) }, nowMs));
        from += config.frame.idsMax;
      } else if (effect.kind === "fetch") {
        const { ids: unknown, via } = effect;
        next.push(
          ...handle({ kind: "fetched", from: node(1), via, ids: unknown, stored: [], unknown, refused: [] }, nowMs),
        );
      }
    }
    next.push(...handle({ kind: "timer", timer: "compare" }, nowMs));
    for (const effect of next) {
      if (effect.kind === "report" && effect.report.what === "compared") outcomes.push(effect.report.outcome);
    }
    asked = next;
  }
  expect(outcomes).toEqual(["failed"]);
  expect(asked).toContainEqual({ kind: "ask_status", to: node(2) });
});

test("a peer that lists the same ids again and again is given up, though all of them are here", () => {
  group.store(...ids(1, config.frame.idsMax));
  connect(1);
  handle({ kind: "status", from: node(1), status: group.status(1_000_000) });
  const outcomes: unknown[] = [];
  for (let nowMs = 0; nowMs < 4 * config.catchUp.pullStalledMs && outcomes.length === 0; nowMs += 10_000) {
    const next = place(2_000_000 + nowMs);
    const effects = [
      ...handle({ kind: "ids_page", from: node(1), ids: ids(1, config.frame.idsMax), next }, nowMs),
      ...handle({ kind: "timer", timer: "compare" }, nowMs),
    ];
    for (const effect of effects) {
      if (effect.kind === "report" && effect.report.what === "compared") outcomes.push(effect.report.outcome);
    }
  }
  expect(outcomes).toEqual(["failed"]);
});

test("a pull whose one long fetch goes on bringing messages is not given up", () => {
  connect(1);
  listed(1, 3);
  handle({ kind: "stored", ids: [id(1)], from: node(1), via: "pull" }, config.catchUp.pullStalledMs - 1);
  const effects = handle({ kind: "timer", timer: "compare" }, config.catchUp.pullStalledMs);
  expect(effects.filter(({ kind }) => kind === "report")).toEqual([]);
});

test("one pull as long as it delivers: a second peer that differs is asked again when the first is done", () => {
  connect(1);
  connect(2);
  const [fetch] = listed(1, 2);
  expect(acts(handle({ kind: "status", from: node(2), status: group.status(5) }))).toEqual([]);
  expect(acts(deliver(fetch))).toEqual([{ kind: "ask_status", to: node(2) }]);
});

test("beside a peer that lists and does not deliver, twice as many as run are asked each time", () => {
  for (const n of [1, 2, 3, 4, 5]) {
    connect(n);
    listed(n, 3);
  }
  const { keepsUpMs } = config.pull;
  expect(acts(handle({ kind: "timer", timer: "compare" }, keepsUpMs - 1))).toEqual([]);
  const turns = acts(handle({ kind: "timer", timer: "compare" }, keepsUpMs));
  expect(turns).toEqual([2, 3].map((n) => ({ kind: "ask_status", to: node(n) })));
  // Both start, and what the first was asked for is asked of whoever lists it first.
  expect(acts(listed(2, 3, keepsUpMs + 1))).toEqual([{ kind: "fetch", from: node(2), ids: ids(1, 3), via: "pull" }]);
  expect(acts(listed(3, 5, keepsUpMs + 2))).toEqual([{ kind: "fetch", from: node(3), ids: ids(4, 2), via: "pull" }]);
  const rest = acts(handle({ kind: "timer", timer: "compare" }, 2 * keepsUpMs + 2));
  expect(rest.filter(({ kind }) => kind === "ask_status")).toEqual(
    [4, 5].map((n) => ({ kind: "ask_status", to: node(n) })),
  );
});

test("what one peer did not deliver is asked of another that lists it as soon as its claim is over", () => {
  connect(1);
  connect(2);
  listed(1, 3);
  listed(2, 3);
  const { keepsUpMs } = config.pull;
  handle({ kind: "timer", timer: "compare" }, keepsUpMs);
  const [fetch] = acts(listed(2, 3, keepsUpMs + 1));
  expect(deliver(fetch, keepsUpMs + 2)).toContainEqual({
    kind: "report",
    report: { what: "compared", peer: node(2), outcome: "caught_up", stored: 3, missing: 0 },
  });
});

test("a message now and then does not keep others from being asked", () => {
  connect(1);
  connect(2);
  listed(1, 5);
  listed(2, 5);
  const { keepsUpMs } = config.pull;
  handle({ kind: "stored", ids: group.store(id(1)), from: node(1), via: "pull" }, keepsUpMs - 1);
  expect(acts(handle({ kind: "timer", timer: "compare" }, keepsUpMs))).toContainEqual({
    kind: "ask_status",
    to: node(2),
  });
});

test("a few messages at a time, always in time, do not keep others from starting", () => {
  connect(1);
  handle({ kind: "status", from: node(1), status: group.status(config.frame.idsMax) });
  let fetches = acts(handle({ kind: "ids_page", from: node(1), ...page(1) })).filter(({ kind }) => kind === "fetch");
  // Late until it is asked for one at a time.
  let nowMs = 0;
  for (let late = 0; late < 3; late++) {
    nowMs += config.pull.claimMs;
    fetches = fetches.flatMap((fetch) => acts(deliver(fetch, nowMs))).filter(({ kind }) => kind === "fetch");
  }
  expect(fetches).toMatchObject(Array.from({ length: config.pull.fetchesMax }, () => ({ ids: { length: 1 } })));
  const everyMs = config.pull.claimMs / 2 / config.pull.fetchesMax;
  for (let at = 0; at < 8; at++) {
    nowMs += everyMs;
    fetches.push(...acts(deliver(fetches.shift(), nowMs)).filter(({ kind }) => kind === "fetch"));
  }
  connect(2, nowMs);
  const starts = acts(handle({ kind: "status", from: node(2), status: group.status(9_000) }, nowMs));
  expect(starts).toContainEqual(expect.objectContaining({ kind: "ask_ids", to: node(2) }));
});

test("who listed and did not deliver is left alone longer each time, also when it comes back", () => {
  let nowMs = 0;
  for (const waitMs of [1, 2, 4, 8].map((times) => times * config.catchUp.failureFirstMs)) {
    expect(acts(connect(1, nowMs))).toEqual([{ kind: "ask_status", to: node(1) }]);
    const [fetch] = acts(listed(1, 3, nowMs));
    if (fetch?.kind !== "fetch") throw new Error("expected a fetch");
    handle(
      { kind: "fetched", from: node(1), via: "pull", ids: fetch.ids, stored: [], unknown: fetch.ids, refused: [] },
      nowMs,
    );
    handle({ kind: "peer", peer: node(1), connected: false }, nowMs + 1);
    expect(acts(connect(1, nowMs + waitMs - 1))).toEqual([]);
    handle({ kind: "peer", peer: node(1), connected: false }, nowMs + waitMs - 1);
    nowMs += waitMs;
  }
});

test("with as many pulls as there may be, the one that brought nothing for longest makes room", () => {
  handle({ kind: "members", members: members(config.pull.pullsMax + 2) });
  const others = Array.from({ length: config.pull.pullsMax + 1 }, (_, i) => i + 1);
  for (const n of others) connect(n);
  const listing = new Set<unknown>();
  const failed = new Set<unknown>();
  const see = (effects: readonly Effect[]) => {
    for (const effect of effects) {
      if (effect.kind === "ask_ids") listing.add(effect.to);
      if (effect.kind === "report" && effect.report.what === "compared") failed.add(effect.report.peer);
    }
  };
  for (let nowMs = 0; nowMs <= config.pull.keepsUpMs + config.pull.turnMs; nowMs += 50) {
    // Each says again and again that it differs, and lists nothing.
    for (const n of others) see(handle({ kind: "status", from: node(n), status: group.status(n + 10) }, nowMs));
    see(handle({ kind: "timer", timer: "compare" }, nowMs));
    expect(listing.size - failed.size).toBeLessThanOrEqual(config.pull.pullsMax);
  }
  expect(listing).toEqual(new Set(others.map(node)));
  expect(failed).toContain(node(1));
});

test("failures back off, doubling", () => {
  const [ask] = connect(1);
  if (ask?.kind !== "ask_status") throw new Error("expected ask_status");
  handle({ kind: "failed", effect: ask, failure: "unreachable" }, 0);
  expect(connect(1, config.catchUp.failureFirstMs - 1)).toEqual([]);
  expect(connect(1, config.catchUp.failureFirstMs)).toEqual([ask]);
  handle({ kind: "failed", effect: ask, failure: "unreachable" }, 10_000);
  expect(connect(1, 19_999)).toEqual([]);
  expect(connect(1, 20_000)).toEqual([ask]);
});

test("a pull ends when its peer is lost, leaves the group, or goes silent", () => {
  const failed = (effects: readonly Effect[]): boolean =>
    effects.some(
      (effect) => effect.kind === "report" && effect.report.what === "compared" && effect.report.outcome === "failed",
    );
  connect(1);
  listed(1, 3);
  expect(failed(handle({ kind: "peer", peer: node(1), connected: false }, 1))).toBe(true);
  connect(2);
  listed(2, 3, 2);
  expect(failed(handle({ kind: "members", members: members(2) }, 3))).toBe(true);
  handle({ kind: "members", members: members(6) }, 4);
  listed(3, 3, 5);
  expect(failed(handle({ kind: "timer", timer: "compare" }, 5 + config.catchUp.pullStalledMs))).toBe(true);
  expect(catchUp.pending).toBe(0);
});

test("after a pull that brought something two others are compared soon", () => {
  connect(1);
  connect(2);
  handle({ kind: "status", from: node(2), status: group.status(0) });
  partners.follow([], steadyMs(0));
  deliver(listed(1, 2)[0]);
  const effects = acts(handle({ kind: "timer", timer: "compare" }, 3_000));
  expect(effects.length).toBeGreaterThan(0);
  expect(effects.every(({ kind }) => kind === "ask_status")).toBe(true);
});

test("a member that has forgotten more is compared with in what both keep, and asked for no more than that", () => {
  const status = { ...group.status(7), pruned_to_ms: 500, shared_since_ms: 500, shared_root: root(5), shared_count: 5 };
  group.parts.set(500, { root: root(5), count: 5 });
  const equal = handle({ kind: "status", from: node(1), status });
  expect(equal).toContainEqual({
    kind: "report",
    report: { what: "compared", peer: node(1), outcome: "equal", stored: 0, missing: 0 },
  });
  group.parts.set(500, { root: root(4), count: 4 });
  const different = handle({ kind: "status", from: node(2), status });
  const before = { timestamp: 499n, author_node_id: 0xffffffff, id: MessageId.fromHex("f".repeat(64)) };
  expect(acts(different)).toEqual([{ kind: "ask_ids", to: node(2), after: before, limit: config.frame.idsMax }]);
});

test("what we have forgotten ourselves is not asked for, whoever has it", () => {
  group.wantedFromMs = 900;
  group.parts.set(900, { root: root(3), count: 3 });
  const same = { ...group.status(7), shared_since_ms: 900, shared_root: root(3), shared_count: 3 };
  expect(acts(handle({ kind: "status", from: node(1), status: same }))).toEqual([]);
  const more = { ...same, shared_root: root(4) };
  expect(acts(handle({ kind: "status", from: node(2), status: more }))).toMatchObject([
    { kind: "ask_ids", after: { timestamp: 899n } },
  ]);
});

test("equal roots over everything are equal copies, whatever was forgotten", () => {
  group.wantedFromMs = 900;
  const status = { ...group.status(group.size), pruned_to_ms: 700 };
  expect(handle({ kind: "status", from: node(1), status })).toContainEqual(
    expect.objectContaining({ report: expect.objectContaining({ outcome: "equal" }) }),
  );
});

test("a peer that knows nothing of what was forgotten is listed from where something is wanted", () => {
  group.wantedFromMs = 900;
  expect(acts(handle({ kind: "status", from: node(1), status: { ...group.status(7), now_ms: 0 } }))).toMatchObject([
    { kind: "ask_ids", after: { timestamp: 899n } },
  ]);
});

test("a few messages under way are counted in what both keep, where the whole copies differ by many", () => {
  group.wantedFromMs = 900;
  group.parts.set(900, { root: root(3), count: 3 });
  group.store(id(1));
  handle({ kind: "stored", ids: [id(1)], from: node(3), via: "push" });
  const status = { ...group.status(5_000), shared_since_ms: 900, shared_root: root(4), shared_count: 4 };
  expect(acts(handle({ kind: "status", from: node(1), status }))).toEqual([]);
  expect(acts(handle({ kind: "status", from: node(1), status }, config.catchUp.confirmAfterMs))).toMatchObject([
    { kind: "ask_ids" },
  ]);
});

test("a peer whose words do not tell is asked again before long, and nothing is fetched for it", () => {
  group.wantedFromMs = 900;
  connect(1);
  const told = { ...group.status(7), shared_since_ms: 800, shared_root: root(4) };
  expect(acts(handle({ kind: "status", from: node(1), status: told }, 10))).toEqual([]);
  const [least, most] = config.catchUp.partialCooldownMs;
  const askedAgain = (nowMs: number) => acts(handle({ kind: "timer", timer: "compare" }, nowMs));
  expect(askedAgain(10 + least - 1)).toEqual([]);
  expect(acts(catchUp.compareNow(node(1), steadyMs(10 + most)))).toEqual([{ kind: "ask_status", to: node(1) }]);
});
