import { describe, expect, test } from "bun:test";
import { AHEAD_MAX_MS } from "../../src/core/ahead.ts";
import { type MerkleRoot, PublicKey } from "../../src/core/ids.ts";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import { topologicalOrder } from "../../src/core/order/order.ts";
import type { Message } from "../../src/core/record/records.ts";
import type { GroupStore, MessageQuery, MessageStore, NewMessage } from "../../src/store/group-store.ts";
import { identity, type TestIdentity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { message } from "../support/message.ts";
import { queried } from "../support/queried.ts";
import type { GroupStoreWorld } from "./group-store.contract.ts";

const [alice, bob, gone] = [identity(2), identity(3), identity(4)] as const;
const NOW = 1_700_000_000_000n;
const TEN_YEARS = 315_360_000_000n;
const nobody = () => false;

const said = (by: TestIdentity, timestamp: bigint, ...parents: Message[]): Message =>
  message({ by, timestamp, parents: parents.map(({ id }) => id) });

/** As a message comes whose date lies ahead. */
const ahead = (one: Message, arrivedMs: bigint, isSure = true): NewMessage => {
  return { ...keptMessage(one), ahead: { arrivedMs, isSure } };
};

/** What a message store does with messages whose date lies ahead. Call inside a test file, once per driver. */
export function aheadContract(name: string, makeWorld: () => GroupStoreWorld): void {
  const check = (sentence: string, body: (messages: MessageStore, world: GroupStoreWorld) => void) =>
    test(sentence, () => {
      using world = makeWorld();
      body(world.store.messages, world);
    });

  describe(`messages dated ahead in ${name}`, () => {
    check("are in set, order and root by their own dates, and in views where they came", (messages, world) => {
      const [a, b] = [said(alice, NOW - 20n), said(alice, NOW + 20n)];
      const x = said(bob, NOW + TEN_YEARS, a);
      messages.putMany([keptMessage(a), ahead(x, NOW), keptMessage(b)]);
      for (const { messages } of beforeAndAfter(world)) {
        expect(messages.merkleRoot()).toBe(rootOf([a, b, x]));
        expect(messages.placesAfter(undefined, 9).map(({ id }) => id)).toEqual([a.id, b.id, x.id]);
        expect(messages.idsSince(NOW)).toEqual([b.id, x.id]);
        expect(messages.sharedSince(NOW, 99)).toMatchObject({ count: 2, root: rootOf([b, x]) });
        for (const topic of [{}, { topic: "chat/+" }, { topic: "#" }]) {
          expect(idsOf(queried(messages, { order: "asc", limit: 9, ...topic }))).toEqual([a.id, x.id, b.id]);
          expect(idsOf(queried(messages, { order: "desc", limit: 9, ...topic }))).toEqual([b.id, x.id, a.id]);
          expect(idsOf(queried(messages, { order: "desc", limit: 9, since: NOW, until: NOW + 1n, ...topic }))).toEqual([
            x.id,
          ]);
        }
        expect(idsOf(messages.latest(1))).toEqual([b.id]);
        expect(idsOf(messages.latest(3, "chat/+"))).toEqual([a.id, x.id, b.id]);
        expect(messages.shownAfter(undefined, 9).found.map(({ id }) => id)).toEqual([a.id, x.id, b.id]);
        expect(messages.topics(9, { reserved: true })).toMatchObject([{ messages: 3, latest: NOW + 20n }]);
        expect([messages.get(x.id)?.arrivedMs, messages.get(a.id)?.arrivedMs]).toEqual([NOW, undefined]);
        expect(messages.arrivedAfter(0, 9).map(({ arrivedMs }) => arrivedMs)).toEqual([undefined, NOW, undefined]);
      }
    });

    check("are never a parent of what is written here, nor is what lies ahead of the clock", (messages, world) => {
      const [a, b] = [said(alice, NOW), said(bob, NOW + 1n)];
      messages.putMany([keptMessage(a), keptMessage(b), ahead(said(bob, NOW + TEN_YEARS), NOW)]);
      messages.putMany([ahead(said(bob, NOW + TEN_YEARS + 1n), NOW), keptMessage(said(bob, NOW + TEN_YEARS + 2n))]);
      for (const { messages } of beforeAndAfter(world)) {
        expect(messages.nextParents(NOW + 1_000n)).toEqual([a.id, b.id]);
        expect(
          messages
            .newest()
            .slice(0, 2)
            .map(({ id, author_node_id }) => [id, author_node_id]),
        ).toEqual([a, b].map(({ author, id }) => [id, author.pilot_node_id]));
        expect(messages.nextParents(NOW)).toEqual([a.id]);
      }
    });

    check("page through all of them once, whatever the size of the pages", (messages) => {
      const all = Array.from({ length: 40 }, (_, n) => {
        const late = n % 3 === 0 ? TEN_YEARS - BigInt(n) : n % 3 === 1 ? BigInt(AHEAD_MAX_MS) + 1n : 0n;
        const one = said(n % 2 === 0 ? alice : bob, NOW + BigInt(n) * 100_000n + late);
        return late === 0n ? keptMessage(one) : ahead(one, NOW + BigInt(n) * 100_000n);
      });
      messages.putMany(all);
      const wanted = all.map(({ id }) => id);
      for (const limit of [1, 2, 3, 7, 39, 40, 41]) {
        for (const filter of [{}, { topic: "chat/+" }, { author_node_id: alice.nodeId }]) {
          const expected = filter.author_node_id === undefined ? wanted : wanted.filter((_, n) => n % 2 === 0);
          expect(paged(messages, { order: "asc", limit, ...filter })).toEqual(expected);
          expect(paged(messages, { order: "desc", limit, ...filter })).toEqual(expected.toReversed());
        }
        expect(shown(messages, limit)).toEqual(wanted);
      }
    });

    check("keep the order they came in, and stay near their arrival however many they are", (messages) => {
      const many = Array.from({ length: 50 }, (_, n) => said(bob, NOW + TEN_YEARS - BigInt(n)));
      messages.putMany(many.map((one) => ahead(one, NOW)));
      expect(shown(messages, 9)).toEqual(many.map(({ id }) => id));
      messages.putMany([ahead(said(alice, NOW + TEN_YEARS), NOW - 10n * BigInt(AHEAD_MAX_MS))]);
      expect(messages.arrivedAfter(50, 1)[0]?.arrivedMs).toBe(NOW - 10n * BigInt(AHEAD_MAX_MS));
    });

    check("hidden behind a thousand of them, what is not ahead is found at once", (messages) => {
      const a = said(alice, NOW);
      const many = Array.from({ length: 2100 }, (_, n) => said(bob, NOW + TEN_YEARS + BigInt(n)));
      messages.putMany([...many.map((one) => ahead(one, NOW - 100_000n)), keptMessage(a)]);
      expect(idsOf(messages.query({ order: "desc", limit: 1 }).found)).toEqual([a.id]);
      expect(idsOf(messages.latest(1))).toEqual([a.id]);
    });

    check(
      "that are removed for their age leave nothing behind, and come back where they are then",
      (messages, world) => {
        const [a, x] = [said(alice, NOW), said(bob, NOW + 400_000n)];
        messages.putMany([keptMessage(a), ahead(x, NOW - 5n)]);
        expect(messages.pruneBefore(NOW + 500_000n)).toBe(2);
        expect([messages.topics(9, { reserved: true }), shown(messages, 9)]).toEqual([[], []]);
        messages.restoreFrom(0n);
        expect(messages.putMany([keptMessage(x)])).toEqual([2]);
        for (const { messages } of beforeAndAfter(world)) {
          expect(messages.get(x.id)?.arrivedMs).toBeUndefined();
          expect(messages.topics(9, { reserved: true })).toMatchObject([{ latest: NOW + 400_000n }]);
        }
      },
    );

    check("that are apart too get their place in the log and keep that in time", (messages) => {
      const x = said(gone, NOW + TEN_YEARS);
      messages.putMany([{ ...ahead(x, NOW), outsider: PublicKey.fromBytes(gone.publicKey) }]);
      messages.putMany([keptMessage(said(bob, NOW + 5n, x))]);
      expect(messages.get(x.id)).toMatchObject({ seq: 1, arrivedMs: NOW });
      expect(queried(messages, { order: "asc", limit: 9, topic: "chat/+" }).map(({ seq }) => seq)).toEqual([1, 2]);
      expect(messages.nextParents()).not.toContain(x.id);
      expect(messages.rejoin(nobody, 9)).toBe(0);
    });

    check(
      "are settled once the clock is known to be right: not ahead after all, ahead, or dated by a wrong clock",
      (messages, world) => {
        const late = NOW + BigInt(AHEAD_MAX_MS);
        const [a, b] = [said(alice, NOW - 50n), said(alice, NOW - 40n)];
        const [early, wrong, sure] = [said(bob, NOW - 30n), said(bob, NOW + TEN_YEARS), said(bob, NOW - 10n)];
        const [x, y] = [said(gone, NOW + TEN_YEARS), said(gone, NOW + TEN_YEARS + 1n)];
        messages.putMany([
          keptMessage(a),
          keptMessage(x),
          keptMessage(b),
          keptMessage(y),
          ahead(early, NOW - TEN_YEARS, false),
          ahead(wrong, NOW + TEN_YEARS / 2n),
          ahead(sure, NOW - TEN_YEARS),
        ]);
        const time = { latest: late, now: NOW };
        let settled = 0;
        for (let more = messages.settleAhead(time, 2); more > 0; more = messages.settleAhead(time, 2)) settled += more;
        expect(settled).toBe(4);
        for (const { messages } of beforeAndAfter(world)) {
          // `sure` stays where it came, though its date is not ahead any more.
          const order = [sure, a, x, b, y, early, wrong].map(({ id }) => id);
          expect(new Set(shown(messages, 9))).toEqual(new Set(order));
          expect(messages.get(early.id)?.arrivedMs).toBeUndefined();
          expect([x, y, wrong].map(({ id }) => messages.get(id)?.arrivedMs)).toEqual([NOW - 50n, NOW - 40n, NOW]);
          expect(shown(messages, 9).at(-1)).toBe(wrong.id);
          expect(idsOf(queried(messages, { order: "asc", limit: 9, topic: "chat/+" }))).toEqual(shown(messages, 3));
          expect(messages.settleAhead(time, 2)).toBe(0);
          expect(messages.merkleRoot()).toBe(rootOf([a, b, x, y, early, wrong, sure]));
          expect(new Set(messages.nextParents())).toEqual(new Set([a.id, b.id, early.id]));
        }
      },
    );
  });
}

function paged(messages: MessageStore, query: MessageQuery) {
  const ids: string[] = [];
  for (let from = query.from; ; ) {
    const { found, rest } = messages.query({ ...query, ...(from && { from }) });
    ids.push(...idsOf(found));
    if (rest === undefined) return ids;
    from = rest;
  }
}

function shown(messages: MessageStore, limit: number): string[] {
  const ids: string[] = [];
  for (let piece = messages.shownAfter(undefined, limit); ; piece = messages.shownAfter(piece.rest, limit)) {
    ids.push(...piece.found.map(({ id }) => id));
    if (piece.rest === undefined) return ids;
  }
}

/** The store as it is, and opened anew. */
function* beforeAndAfter(world: GroupStoreWorld): Generator<GroupStore> {
  yield world.store;
  yield world.reopen();
}

const idsOf = (found: readonly { readonly id: string }[]) => found.map(({ id }) => id);

function rootOf(all: readonly Message[]): MerkleRoot {
  const nodes = all.map(({ author, id, parents, timestamp }) => {
    return { id, author: author.pilot_node_id, timestamp, parents };
  });
  return merkleRoot(topologicalOrder(nodes));
}
