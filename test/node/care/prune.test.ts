import { expect, test } from "bun:test";
import type { Message } from "../../../src/core/record/records.ts";
import { realClock } from "../../../src/host/real-clock.ts";
import { MACHINE_DEFAULTS } from "../../../src/machine/machine-config.ts";
import { prune } from "../../../src/node/operations/care.ts";
import { status } from "../../../src/node/operations/daemon.ts";
import { MemoryDataRoot } from "../../../src/store/memory/memory-data-root.ts";
import { MemoryNetwork } from "../../../src/transport/memory/memory-transport.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { startNode, until } from "../../support/nodes.ts";
import { roster } from "../../support/roster.ts";

const DAY = 86_400_000;
const MEMBERS = [identity(1), identity(2)] as const;
const config = {
  ...MACHINE_DEFAULTS,
  catchUp: { ...MACHINE_DEFAULTS.catchUp, compareEveryMs: [20, 40], partialCooldownMs: [5, 10] },
  time: { ...MACHINE_DEFAULTS.time, settleMs: 0 },
} as const;

/** Messages of so many days ago. */
function said(...days: number[]): Message[] {
  const now = realClock.unix();
  return days.map((ago) => message({ timestamp: BigInt(now - ago * DAY) }));
}

/** A member's disk without a policy. */
function disk(messages: readonly Message[]): MemoryDataRoot {
  const root = new MemoryDataRoot();
  const store = root.createGroup(GROUP);
  store.roster.append(roster(MEMBERS).entries);
  store.messages.putMany(messages.map(keptMessage));
  return root;
}

const heldBy = (root: MemoryDataRoot, messages: readonly Message[]) =>
  messages.map(({ id }) => root.openGroup(GROUP)!.messages.has(id));

test("what one member prunes is gone there alone, stays gone, and both go on converging; lifted it comes back", async () => {
  const all = said(100, 45, 31, 3, 0);
  const roots = [disk(all), disk(all)] as const;
  const network = new MemoryNetwork(realClock);
  await using a = await startNode(network, 1, { root: roots[0], parts: { config } });
  await using b = await startNode(network, 2, { root: roots[1], parts: { config } });
  const asked = { group_id: GROUP, older_than_ms: 30 * DAY };
  // The members have to agree on the time first.
  await until(async () => {
    try {
      return (await a.call(prune, { ...asked, dry_run: true })).messages === 3;
    } catch {
      return false;
    }
  });
  expect(heldBy(roots[0], all)).toEqual(all.map(() => true));
  expect(await a.call(prune, asked)).toMatchObject({ messages: 3, left: 2, dry_run: false });
  const late = said(60, 0.001);
  roots[1].openGroup(GROUP)!.messages.putMany(late.map(keptMessage));
  await until(() => heldBy(roots[0], late)[1] === true);
  expect(heldBy(roots[0], [...all, ...late])).toEqual([false, false, false, true, true, false, true]);
  expect(heldBy(roots[1], all)).toEqual(all.map(() => true));
  const [group] = (await a.call(status, {})).groups;
  expect(group!.retention).toMatchObject({ pruned: 3 });
  expect(group!.retention!.kept_from_ms).toBeGreaterThan(0);
  await a.call(prune, { group_id: GROUP, lift: true });
  await until(() => heldBy(roots[0], [...all, ...late]).every(Boolean));
  expect((await b.call(status, {})).groups[0]!.merkle_root).toBe((await a.call(status, {})).groups[0]!.merkle_root);
});

test("a clock that nobody confirms removes nothing by itself; a day that is named does, also of a moot that is opened anew", async () => {
  const all = said(100, 3);
  const root = disk(all);
  const before_ms = realClock.unix() - 30 * DAY;
  await using node = await startNode(undefined, 1, { root });
  await expect(node.call(prune, { group_id: GROUP, older_than_ms: DAY })).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/name the day itself: -before \d{4}-\d\d-\d\d$/),
  });
  expect(heldBy(root, all)).toEqual([true, true]);
  expect(await node.call(prune, { group_id: GROUP, before_ms })).toMatchObject({ messages: 1, left: 1 });
  expect(heldBy(root, all)).toEqual([false, true]);
  await using again = await startNode(undefined, 1, { root });
  expect((await again.call(status, {})).groups[0]!.retention).toMatchObject({
    pruned: 1,
    cutoff_ms: expect.any(Number),
  });
  for (const [request, said] of [
    [{}, "expected one of"],
    [{ before_ms, lift: true }, "expected one of"],
    [{ before_ms: realClock.unix() + 2 * DAY }, "has not come"],
    [{ before_ms: 5 }, "after 1970"],
  ] as const) {
    await expect(again.call(prune, { group_id: GROUP, ...request })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(said),
    });
  }
});
