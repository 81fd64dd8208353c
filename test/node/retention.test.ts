import { expect, test } from "bun:test";
import { type Clock, later, type SteadyMs, type UnixMs } from "../../src/core/clock.ts";
import { formatPolicy, POLICY_PRESETS } from "../../src/core/policy/policy.ts";
import type { Message } from "../../src/core/record/records.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { MACHINE_DEFAULTS } from "../../src/machine/machine-config.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { POLICY_FACT } from "../../src/node/group/group-policy.ts";
import { status } from "../../src/node/operations/daemon.ts";
import type { DataRoot } from "../../src/store/data-root.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { identity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { GROUP, message } from "../support/message.ts";
import { startNode, until } from "../support/nodes.ts";
import { roster } from "../support/roster.ts";

const DAY = 86_400_000;
const MEMBERS = [identity(1), identity(2), identity(3)] as const;

/** Looks for what it missed often enough for a test. */
const config = {
  ...MACHINE_DEFAULTS,
  catchUp: { ...MACHINE_DEFAULTS.catchUp, compareEveryMs: [20, 40], partialCooldownMs: [5, 10] },
  // The third member is away.
  time: { ...MACHINE_DEFAULTS.time, settleMs: 0 },
} as const;

/** The real clock, whose date and whose steady time a test moves. */
class MovedClock implements Clock {
  dateMs = 0;
  bothMs = 0;
  after = realClock.after.bind(realClock);

  unix(): UnixMs {
    return later(realClock.unix(), this.dateMs + this.bothMs);
  }

  steady(): SteadyMs {
    return later(realClock.steady(), this.bothMs);
  }
}

/** Messages of so many days ago. */
function said(...days: number[]): Message[] {
  const now = realClock.unix();
  return days.map((ago) => message({ timestamp: BigInt(now - ago * DAY) }));
}

/** A member's disk: it keeps `days`, and holds `messages`. */
function disk(days: bigint, messages: readonly Message[]): MemoryDataRoot {
  const root = new MemoryDataRoot();
  const store = root.createGroup(GROUP);
  store.roster.append(roster(MEMBERS).entries);
  store.setFact(POLICY_FACT, formatPolicy({ ...POLICY_PRESETS.standard, retention_days: days }));
  store.messages.putMany(messages.map(keptMessage));
  return root;
}

const groupOf = async (node: EntmootNode) => (await node.call(status, {})).groups[0]!;
const heldBy = (root: DataRoot, messages: readonly Message[]) =>
  messages.map(({ id }) => root.openGroup(GROUP)!.messages.has(id));

test("members that keep 30 days, 90 days and everything end with what each of them keeps, and stop asking", async () => {
  const all = said(400, 100, 45, 31.5, 3, 0);
  const roots = [disk(36_500n, all), disk(90n, []), disk(30n, all.slice(0, 3))];
  const network = new MemoryNetwork(realClock);
  const nodes = await Promise.all(roots.map((root, at) => startNode(network, at + 1, { root, parts: { config } })));
  try {
    const expected = [
      all.map(() => true),
      [false, false, true, true, true, true],
      [false, false, false, false, true, true],
    ];
    await until(() =>
      Bun.deepEquals(
        roots.map((root) => heldBy(root, all)),
        expected,
      ),
    );
    // Their roots differ for good; still nobody lists what somebody else has.
    const { messages } = roots[0]!.openGroup(GROUP)!;
    let [listed, compared] = [0, 0];
    const { placesAfter, sharedSince } = messages;
    messages.placesAfter = (...asked) => {
      listed += 1;
      return placesAfter.apply(messages, asked);
    };
    messages.sharedSince = (...asked) => {
      compared += 1;
      return sharedSince.apply(messages, asked);
    };
    await until(() => compared >= 6);
    listed = 0;
    await until(() => compared >= 40);
    expect(listed).toBe(0);
    // A new one reaches them all while their roots differ for good.
    const [fresh] = said(0) as [Message];
    roots[0]!.openGroup(GROUP)!.messages.putMany([keptMessage(fresh)]);
    await until(() => roots.every((root) => root.openGroup(GROUP)!.messages.has(fresh.id)));
    const groups = await Promise.all(nodes.map(groupOf));
    expect(new Set(groups.map(({ merkle_root }) => merkle_root)).size).toBe(3);
    expect(groups.map(({ retention }) => retention?.clock)).toEqual(["agreed", "agreed", "agreed"]);
    expect(groups.map(({ retention }) => retention?.pruned)).toEqual([0, 0, 3]);
  } finally {
    await Promise.all(nodes.map((node) => node.close()));
  }
});

test("what one member removed under a wrong clock comes back from another, at the place it had", async () => {
  const all = said(400, 20, 10, 1);
  const alone = disk(30n, all);
  const clock = new MovedClock();
  clock.dateMs = 40 * DAY;
  {
    await using node = await startNode(new MemoryNetwork(realClock), 2, {
      root: kept(alone),
      clock,
      parts: { config },
    });
    const { messages } = alone.openGroup(GROUP)!;
    // Nobody is heard: the clock is believed after a day, and not before.
    clock.bothMs = DAY - 60_000;
    await until(async () => (await groupOf(node)).retention?.clock === "unproved");
    expect(messages.size).toBe(4);
    clock.bothMs = DAY + 60_000;
    await until(() => messages.size === 0);
  }
  const other = disk(30n, all);
  const network = new MemoryNetwork(realClock);
  await using holder = await startNode(network, 1, { root: other, parts: { config } });
  await using back = await startNode(network, 2, { root: alone, parts: { config } });
  const { messages } = alone.openGroup(GROUP)!;
  await until(() => Bun.deepEquals(heldBy(alone, all), [false, true, true, true]));
  expect(messages.arrivedAfter(0, 9).map(({ seq, id }) => [seq, id])).toEqual(
    all.map(({ id }, at) => [at + 1, id] as [number, Message["id"]]).slice(1),
  );
  await until(async () => {
    const [here, there] = [await groupOf(back), await groupOf(holder)];
    return here.merkle_root === there.merkle_root && here.retention?.pruned_to_ms === there.retention?.cutoff_ms;
  });
  expect(messages.lastSeq()).toBe(4);
});

/** The disk outlives the node. */
function kept(root: MemoryDataRoot): DataRoot {
  return new Proxy(root, {
    get: (target, key) => {
      if (key === Symbol.dispose) return () => {};
      const value = Reflect.get(target, key) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
