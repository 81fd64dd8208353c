import { beforeEach, expect, test } from "bun:test";
import { steadyMs } from "../../src/core/clock.ts";
import { ForksDigest } from "../../src/core/ids.ts";
import type { Effect } from "../../src/machine/effect.ts";
import type { CopyStatus, Event } from "../../src/machine/event.ts";
import { MACHINE_DEFAULTS as config } from "../../src/machine/machine-config.ts";
import { Partners } from "../../src/machine/partners.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { RosterExchange } from "../../src/machine/roster-exchange.ts";
import { head, members, NOTHING_PRUNED, node, root, TestGroup } from "./group.ts";

let group: TestGroup;
let partners: Partners;
let sync: RosterExchange;

beforeEach(() => {
  group = new TestGroup();
  group.length = 3;
  partners = new Partners({ local: node(0), random: new SeededRandom(1), config });
  partners.handle({ kind: "members", members: members(4) }, steadyMs(0));
  partners.follow([], steadyMs(0));
  sync = new RosterExchange({ roster: group, partners, config });
  handle({ kind: "members", members: members(4) });
});

const handle = (event: Event, nowMs = 0): Effect[] => sync.handle(event, steadyMs(nowMs));
const status = (length: number | undefined, fork = 0): CopyStatus => ({
  roster_head: length === undefined ? undefined : head(length * 100 + fork),
  roster_length: length,
  merkle_root: root(0),
  message_count: 0,
  ...NOTHING_PRUNED,
});
const heard = (length: number | undefined, nowMs = 0, fork = 0): Effect[] =>
  handle({ kind: "status", from: node(1), status: status(length, fork) }, nowMs);

test("equal heads need nothing", () => {
  expect(heard(3)).toEqual([]);
});

test("who has the longer roster is asked for it, once in a while", () => {
  expect(heard(4)).toEqual([{ kind: "ask_roster", to: node(1) }]);
  expect(heard(4, 4_999)).toEqual([]);
  expect(heard(4, 5_000)).toEqual([{ kind: "ask_roster", to: node(1) }]);
});

test("who has the shorter roster is told of ours, once in a while", () => {
  expect(heard(2)).toEqual([{ kind: "push_roster", to: node(1) }]);
  expect(heard(2, config.rosterExchange.pushMs - 1)).toEqual([]);
  expect(heard(2, config.rosterExchange.pushMs)).toEqual([{ kind: "push_roster", to: node(1) }]);
});

test("a peer that cannot say its head is asked for the whole log now and then", () => {
  expect(heard(undefined)).toEqual([{ kind: "ask_roster", to: node(1) }]);
  expect(heard(undefined, config.rosterExchange.askBlindMs - 1)).toEqual([]);
  expect(heard(undefined, config.rosterExchange.askBlindMs)).toEqual([{ kind: "ask_roster", to: node(1) }]);
  expect(handle({ kind: "roster", from: node(1), outcome: "behind" })).toEqual([{ kind: "push_roster", to: node(1) }]);
});

test("a fork is reported and its peer left alone", () => {
  expect(heard(3, 0, 1)).toEqual([{ kind: "ask_roster", to: node(1) }]);
  expect(handle({ kind: "roster", from: node(1), outcome: "forked" })).toEqual([
    { kind: "report", report: { what: "roster_forked", peer: node(1) } },
  ]);
  expect(heard(3, config.rosterExchange.badMs - 1, 1)).toEqual([]);
  expect(heard(3, config.rosterExchange.badMs, 1)).toEqual([{ kind: "ask_roster", to: node(1) }]);
});

test("a peer that goes on sending a broken log is reported once in a while, not once a log", () => {
  const reports = (nowMs: number) =>
    handle({ kind: "roster", from: node(1), outcome: "rejected" }, nowMs).filter(({ kind }) => kind === "report");
  expect([0, 1, 2, 599_999, 600_000].map((nowMs) => reports(nowMs).length)).toEqual([1, 0, 0, 0, 1]);
});

test("a peer that tells of entries we cannot place is asked for what lies between", () => {
  const gap = (nowMs: number) => handle({ kind: "roster", from: node(1), outcome: "gap" }, nowMs);
  expect(gap(0)).toEqual([{ kind: "ask_roster", to: node(1) }]);
  expect(gap(1)).toEqual([]);
});

test("a change made here goes to everyone, and to who was removed by it", () => {
  const left = members(4);
  left.delete(node(3));
  partners.handle({ kind: "members", members: left }, steadyMs(0));
  handle({ kind: "members", members: left });
  const effects = handle({ kind: "roster", from: undefined, outcome: "extended" });
  expect(effects.map((effect) => effect.kind === "push_roster" && effect.to).toSorted()).toEqual([
    node(1),
    node(2),
    node(3),
  ]);
});

test("a change learned from a peer goes to the others", () => {
  const effects = handle({ kind: "roster", from: node(2), outcome: "extended" });
  expect(effects.map((effect) => effect.kind === "push_roster" && effect.to).toSorted()).toEqual([node(1), node(3)]);
});

test("a message of an unknown author makes us ask its sender for the roster once", () => {
  const event = (from: number): Event => ({
    kind: "unknown_author",
    from: node(from),
    id: "0".repeat(64) as never,
    author: node(9),
    canonical: new Uint8Array(),
  });
  expect(handle(event(1))).toEqual([{ kind: "ask_roster", to: node(1) }]);
  expect(handle(event(1), 10)).toEqual([]);
  expect(handle(event(9), 10)).toEqual([]);
});

const DIGESTS = ["11", "22"].map((byte) => ForksDigest.fromHex(byte.repeat(32))) as [ForksDigest, ForksDigest];
const told = (forks: ForksDigest, length = 3, nowMs = 0): Effect[] =>
  handle({ kind: "status", from: node(1), status: { ...status(length), roster_forks: forks } }, nowMs);

test("who knows of other forks than we do is asked for them, once in a while; who knows of none asks us", () => {
  expect(told(DIGESTS[0])).toEqual([{ kind: "ask_forks", to: node(1) }]);
  expect(told(DIGESTS[0], 3, 4_999)).toEqual([]);
  expect(told(DIGESTS[0], 3, 5_000)).toEqual([{ kind: "ask_forks", to: node(1) }]);
  group.forks = DIGESTS[1];
  expect(told(ForksDigest.zero, 3, 20_000)).toEqual([]);
});

test("two sides of a fork that both know of it leave each other alone until it is healed", () => {
  group.forks = DIGESTS[0];
  group.isForked = true;
  expect(told(DIGESTS[0], 4)).toEqual([]);
  group.isForked = false;
  expect(told(DIGESTS[0], 4)).toEqual([{ kind: "ask_roster", to: node(1) }]);
});

test("a fork that is learned, and a change behind one, are told with what is known of forks", () => {
  group.forks = DIGESTS[0];
  const forked = handle({ kind: "roster", from: node(1), outcome: "forked" });
  expect(
    forked
      .slice(1)
      .map((effect) => effect.kind === "push_forks" && effect.to)
      .toSorted(),
  ).toEqual([node(2), node(3)]);
  const effects = handle({ kind: "roster", from: undefined, outcome: "extended" });
  expect(effects.filter(({ kind }) => kind === "push_forks")).toHaveLength(3);
});

test("what a peer's log was to ours counts no more once the members have changed", () => {
  handle({ kind: "roster", from: node(1), outcome: "forked" });
  expect(heard(4, 1)).toEqual([]);
  handle({ kind: "members", members: members(5) });
  expect(heard(4, 2)).toEqual([{ kind: "ask_roster", to: node(1) }]);
});
