import { describe, expect, test } from "bun:test";
import { sha256 } from "../../src/core/bytes/sha256.ts";
import { GroupId, MessageId, PublicKey } from "../../src/core/ids.ts";
import { ASKING_MS, newDelivery } from "../../src/machine/delivery.ts";
import type { AgentStore, AgentStoreLimits, LedgerRow } from "../../src/store/agent-store.ts";
import { expectCode } from "../support/expect-code.ts";

/** What one node keeps of its agent, for one test. */
export interface AgentStoreWorld extends Disposable {
  readonly store: AgentStore;
  /** Closes the store and opens what it kept; a driver that keeps nothing gives the same one. */
  reopen(): AgentStore;
}

/** Few, so that each limit is met. */
export const FEW: AgentStoreLimits = {
  rows: 8,
  allRows: 12,
  waiting: 6,
  waitingOfAuthor: 3,
  mutes: 3,
  allowed: 2,
  turnCounts: 2,
  keptMs: 1000,
};

const group = (n: number) => GroupId.fromBytes(new Uint8Array(32).fill(n));
const key = (n: number) => PublicKey.fromBytes(sha256(new TextEncoder().encode(`key ${n}`)));
const GROUP = group(1);
const PLACE = { done: "a place", looked: "another place", historyMs: 5 };

function row(n: number, fields: Partial<LedgerRow> = {}): LedgerRow {
  return {
    ...newDelivery({ asks: true, untilMs: ASKING_MS }, 100 + n),
    groupId: GROUP,
    messageId: MessageId.fromBytes(sha256(new TextEncoder().encode(`message ${n}`))),
    seq: n,
    author: key(n),
    handedTo: undefined,
    ...fields,
  };
}

/** The questions every agent store answers alike, told to keep `FEW`. Call inside a test file, once per driver. */
export function agentStoreContract(name: string, makeWorld: () => AgentStoreWorld): void {
  const check = (sentence: string, body: (store: AgentStore, world: AgentStoreWorld) => void) =>
    test(sentence, () => {
      using world = makeWorld();
      body(world.store, world);
    });
  const put = (store: AgentStore, ...rows: LedgerRow[]) => store.change((to) => rows.map((each) => to.putRow(each)));

  describe(`an agent store in ${name}`, () => {
    check("tells the latest rows that ask, so many of one author", (store) => {
      put(
        store,
        row(1),
        row(2, { author: key(9), state: "read" }),
        row(3, { asks: false }),
        row(4, { author: key(9) }),
      );
      put(store, row(5, { author: key(9), state: "answered" }), row(6, { groupId: group(2) }));
      put(store, row(7, { author: undefined }));
      const latest = (limit: number, ofAuthor: number) =>
        store.latestAsking(GROUP, { limit, ofAuthor }).map(({ seq }) => seq);
      expect(latest(9, 9)).toEqual([5, 4, 2, 1]);
      expect(latest(9, 2)).toEqual([5, 4, 1]);
      expect(latest(2, 1)).toEqual([5, 1]);
      expect(latest(1, 1)).toEqual([5]);
      expect(store.latestAsking(group(3), { limit: 9, ofAuthor: 9 })).toEqual([]);
    });

    check("keeps what is done of a moot and every field of a row", (store, world) => {
      const whole = row(1, {
        state: "answered",
        token: 2 ** 40,
        attempt: 2,
        untilMs: 3,
        handedAtMs: 4,
        deliveredAtMs: 5,
        readAtMs: 6,
        answeredAtMs: 7,
        changedAtMs: 8,
        handedTo: { host: "claude", instance: "a folder", agent: "claude 7" },
      });
      expect(store.moot(GROUP)).toBeUndefined();
      store.change((to) => {
        to.setMoot(GROUP, PLACE);
        to.putRow(whole);
        to.putRow(row(2, { author: undefined, asks: false }));
      });
      const kept = world.reopen();
      expect(kept.moot(GROUP)).toEqual(PLACE);
      expect(kept.row(GROUP, whole.messageId)).toEqual(whole);
      expect(kept.row(group(2), whole.messageId)).toBeUndefined();
      expect(kept.rowsAfter(GROUP, 1, 10)).toEqual([row(2, { author: undefined, asks: false })]);
      expect(kept.rowsAfter(GROUP, 0, 1)).toEqual([whole]);
      kept.change((to) => to.forgetNumbers(GROUP));
      expect(kept.rowsAfter(GROUP, 0, 10)).toEqual([]);
      expect(kept.row(GROUP, whole.messageId)).toEqual({ ...whole, seq: 0 });
    });

    check("tells what waits, longest first, of one moot and of all", (store) => {
      put(store, row(3), row(1), row(2, { groupId: group(2) }), row(4, { asks: false }), row(5, { state: "read" }));
      expect(store.waiting(10).map(({ seq }) => seq)).toEqual([1, 2, 3]);
      expect(store.waiting(10, GROUP).map(({ seq }) => seq)).toEqual([1, 3]);
      expect(store.waiting(1).map(({ seq }) => seq)).toEqual([1]);
      expect(store.countWaiting(GROUP)).toBe(2);
      put(store, row(6, { state: "expired" }), row(7, { state: "delivered" }), row(8, { state: "acked" }));
      expect(store.asking(GROUP, 1, 10).map(({ seq }) => seq)).toEqual([3, 6, 7]);
      expect(store.asking(GROUP, 1, 2).map(({ seq }) => seq)).toEqual([3, 6]);
    });

    check("tells whose time is over, and what a listener was given", (store) => {
      put(
        store,
        row(1, { untilMs: 20 }),
        row(2, { untilMs: 10, state: "claimed" }),
        row(3, { untilMs: 30, state: "handed" }),
      );
      put(store, row(4, { untilMs: 1, state: "read" }));
      expect(store.due(20, 10).map(({ seq }) => seq)).toEqual([2, 1]);
      expect(store.due(20, 1).map(({ seq }) => seq)).toEqual([2]);
      expect(store.held().map(({ seq }) => seq)).toEqual([2, 3]);
    });

    check("tells what went to a host since, oldest first", (store) => {
      put(
        store,
        row(1, { handedAtMs: 30 }),
        row(2, { handedAtMs: 10 }),
        row(3),
        row(4, { handedAtMs: 20, state: "read" }),
      );
      expect(store.handedSince(15, 10).map(({ seq }) => seq)).toEqual([4, 1]);
      expect(store.handedSince(0, 2).map(({ seq }) => seq)).toEqual([2, 4]);
    });

    check("makes all changes or none", (store, world) => {
      expect(() =>
        store.change((to) => {
          to.setMoot(GROUP, PLACE);
          to.putRow(row(1));
          throw new Error("on the way");
        }),
      ).toThrow("on the way");
      expectCode("invalid_argument", () => put(store, row(1), row(2, { token: -1 })));
      const kept = world.reopen();
      expect(kept.moot(GROUP)).toBeUndefined();
      expect(kept.row(GROUP, row(1).messageId)).toBeUndefined();
    });

    check("lets no author and no moot have more than so many waiting", (store) => {
      const ofOne = { author: key(0) };
      expect(put(store, row(1, ofOne), row(2, ofOne), row(3, ofOne), row(4, ofOne))).toEqual([true, true, true, false]);
      // What is known goes on all the same.
      expect(put(store, row(1, { ...ofOne, attempt: 1 }))).toEqual([true]);
      expect(put(store, row(5), row(6), row(7), row(8))).toEqual([true, true, true, false]);
      expect(put(store, row(8, { state: "read" }))).toEqual([true]);
      expect(put(store, row(9, { groupId: group(2) }))).toEqual([true]);
    });

    check("forgets what waits for nobody after its time, and the oldest of too many", (store) => {
      const settled = (n: number, fields: Partial<LedgerRow> = {}) =>
        row(n, { state: "acked", changedAtMs: n, ...fields });
      put(store, settled(1), settled(2), settled(3, { state: "expired" }), row(4));
      const left = () => store.rowsAfter(GROUP, 0, 100).map(({ seq }) => seq);
      // Above the place done the row is all that says it.
      expect(store.change((to) => to.prune(GROUP, 1, 2000))).toBe(2);
      expect(left()).toEqual([2, 4]);
      put(store, ...[5, 6, 7, 8, 9, 10, 11].map((n) => settled(n, { changedAtMs: 1500 + n })));
      expect(store.change((to) => to.prune(GROUP, 0, 1600))).toBe(1);
      expect(left()).toEqual([4, 5, 6, 7, 8, 9, 10, 11]);
      put(store, ...[1, 2, 3, 4, 5, 6].map((n) => settled(n, { groupId: group(2), changedAtMs: 1400 + n })));
      expect(store.change((to) => to.prune(group(3), 0, 1600))).toBe(2);
      expect(store.rowsAfter(group(2), 0, 100).map(({ seq }) => seq)).toEqual([3, 4, 5, 6]);
    });

    check("gives each token once, also after reopening", (store, world) => {
      const next = (from: AgentStore) => from.change((to) => to.nextToken());
      expect([next(store), next(store), next(world.reopen())]).toEqual([1, 2, 3]);
    });

    check("counts the turns that members caused, those of the last that caused any", (store, world) => {
      store.change((to) => {
        to.countTurn(GROUP, key(1), 10);
        to.countTurn(GROUP, undefined, 20);
        to.countTurn(GROUP, key(1), 30);
      });
      const counted = [
        { groupId: GROUP, author: key(1), turns: 2, lastMs: 30 },
        { groupId: GROUP, author: undefined, turns: 1, lastMs: 20 },
      ];
      expect(store.turns()).toEqual(counted);
      expect(world.reopen().turns()).toEqual(counted);
      world.store.change((to) => to.countTurn(group(2), key(1), 40));
      expect(world.store.turns().map(({ lastMs }) => lastMs)).toEqual([40, 30]);
    });

    check("keeps what wakes in a moot", (store, world) => {
      expect(store.rule(GROUP)).toEqual({ deliver: "mentions", from: [] });
      store.change((to) => to.setRule(GROUP, { deliver: "allow-list", from: [key(1), key(2)] }));
      expect(world.reopen().rule(GROUP)).toEqual({ deliver: "allow-list", from: [key(1), key(2)] });
      const refused = [
        { deliver: "allow-list", from: [] } as const,
        { deliver: "all", from: [key(1), key(2), key(3)] } as const,
      ];
      for (const rule of refused) {
        expectCode("invalid_argument", () => world.store.change((to) => to.setRule(GROUP, rule)));
      }
    });

    check("keeps mutes, one for a member and a moot; one that has ended makes room", (_, world) => {
      const mute = (n: number, untilMs: number, groupId?: GroupId) => ({ key: key(n), groupId, fromMs: 1, untilMs });
      const set = (n: number, untilMs: number, groupId?: GroupId) =>
        world.store.change((to) => to.setMute(mute(n, untilMs, groupId), 50));
      set(1, 0);
      set(1, 20, GROUP);
      set(1, 10);
      set(2, 100);
      const byKey = (mutes: readonly { readonly key: PublicKey }[]) =>
        mutes.toSorted((a, b) => (a.key < b.key ? -1 : 1));
      expect(world.reopen().mutes()).toEqual(byKey([mute(1, 10), mute(1, 20, GROUP), mute(2, 100)]) as never);
      set(3, 0);
      expect(world.store.mutes()).toEqual(byKey([mute(1, 20, GROUP), mute(2, 100), mute(3, 0)]) as never);
      set(4, 0);
      expectCode("conflict", () => set(5, 0));
    });
  });
}
