import { describe, expect, test } from "bun:test";
import { PublicKey } from "../../src/core/ids.ts";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import { topologicalOrder } from "../../src/core/order/order.ts";
import { addToSum } from "../../src/core/place.ts";
import type { Message } from "../../src/core/record/records.ts";
import { type GroupStore, isApart, type MessageStore, type NewMessage } from "../../src/store/group-store.ts";
import { identity, type TestIdentity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { message } from "../support/message.ts";
import { queried } from "../support/queried.ts";
import type { GroupStoreWorld } from "./group-store.contract.ts";

const [alice, bob, gone] = [identity(2), identity(3), identity(4)] as const;
const nobody = () => false;
const key = ({ publicKey }: TestIdentity) => PublicKey.fromBytes(publicKey);

let at = 0n;
const said = (by: TestIdentity, ...parents: Message[]): Message =>
  message({ by, timestamp: 1_700_000_000_000n + at++, parents: parents.map(({ id }) => id) });

/** As a message comes whose author was removed before. */
const late = (one: Message, by = gone): NewMessage => ({ ...keptMessage(one), outsider: key(by) });

/** What a message store does with messages set apart. Call inside a test file, once per driver. */
export function apartContract(name: string, makeWorld: () => GroupStoreWorld): void {
  const check = (sentence: string, body: (messages: MessageStore, world: GroupStoreWorld) => void) =>
    test(sentence, () => {
      using world = makeWorld();
      body(world.store.messages, world);
    });

  describe(`messages set apart in ${name}`, () => {
    check("are held, in the order and under the root like all others, and in no delivery log", (messages, world) => {
      const [a, x, b] = [said(alice), said(gone), said(bob)];
      expect(messages.putMany([keptMessage(a), late(x), keptMessage(b)])).toEqual([1, -1, 2]);
      for (const { messages } of beforeAndAfter(world)) {
        expect([messages.size, messages.apart, messages.lastSeq()]).toEqual([3, 1, 2]);
        expect([messages.has(x.id), messages.knows(x.id), messages.unknown([x.id])]).toEqual([true, true, []]);
        expect(isApart(messages.get(x.id)!)).toBe(true);
        expect(idsOf(messages.arrivedAfter(0, 9))).toEqual([a.id, b.id]);
        expect(messages.merkleRoot()).toBe(rootOf([a, x, b]));
        expect(messages.sharedSince(x.timestamp, 99)).toMatchObject({ count: 2, root: rootOf([x, b]) });
        expect(idsOf(queried(messages, { order: "asc", limit: 9 }))).toEqual([a.id, x.id, b.id]);
        expect(idsOf(queried(messages, { order: "asc", limit: 9, topic: "chat/+" }))).toEqual([a.id, x.id, b.id]);
        expect(idsOf(messages.latest(2))).toEqual([x.id, b.id]);
        expect(messages.placesAfter(undefined, 9).map(({ id }) => id)).toEqual([a.id, x.id, b.id]);
        expect(messages.topics(9, { reserved: true })).toMatchObject([{ messages: 3 }]);
        expect(messages.sumAt(2)).toBe(addToSum(addToSum(0, a.id), b.id));
      }
    });

    check("are never a parent of what is written here", (messages) => {
      const [a, x] = [said(alice), said(gone)];
      messages.putMany([keptMessage(a), late(x)]);
      expect(messages.nextParents()).toEqual([a.id]);
      const many = Array.from({ length: 5 }, () => said(gone));
      messages.putMany(many.map((one) => late(one)));
      expect(messages.nextParents()).toEqual([a.id]);
      const b = said(bob);
      messages.putMany([keptMessage(b)]);
      expect(messages.nextParents()).toEqual([a.id, b.id]);
    });

    check("get a new place in the log once somebody else names them, with those they name", (messages, world) => {
      const [a, x] = [said(alice), said(gone)];
      const y = said(gone, x);
      const [z, b] = [said(gone), said(bob, y, a)];
      messages.putMany([late(z), late(y), late(x), keptMessage(a)]);
      expect(messages.apart).toBe(3);
      expect(messages.putMany([keptMessage(b)])).toEqual([4]);
      for (const { messages } of beforeAndAfter(world)) {
        expect(idsOf(messages.arrivedAfter(0, 9))).toEqual([a.id, x.id, y.id, b.id]);
        expect([messages.apart, messages.lastSeq(), messages.size]).toEqual([1, 4, 5]);
        expect([messages.get(x.id)?.seq, messages.idAt(2), messages.idAt(3)]).toEqual([2, x.id, y.id]);
        expect(messages.merkleRoot()).toBe(rootOf([a, x, y, z, b]));
        expect(messages.sumAt(4)).toBe([a, x, y, b].reduce((sum, { id }) => addToSum(sum, id), 0));
        expect(queried(messages, { order: "asc", limit: 9, topic: "chat/+" }).map(({ seq }) => seq)).toContain(2);
        expect(messages.rejoin(nobody, 9)).toBe(0);
      }
      expect(world.store.messages.putMany([late(x), keptMessage(said(alice, x))])).toEqual([undefined, 5]);
    });

    check("stay when only they themselves or their author name them", (messages) => {
      const x = said(gone);
      const [y, own] = [said(gone, x), said(gone, x)];
      messages.putMany([late(x), late(y), keptMessage(own)]);
      expect(messages.apart).toBe(2);
      expect(idsOf(messages.arrivedAfter(0, 9))).toEqual([own.id]);
    });

    check("are not set apart when who vouches came first", (messages, world) => {
      const w = said(gone);
      const x = said(gone, w);
      const [b, y] = [said(bob, x), said(gone)];
      const [own, other] = [said(gone, y), said(alice, y)];
      expect(messages.putMany([keptMessage(b), late(w)])).toEqual([1, -1]);
      // Its parent has its place before it.
      expect(world.reopen().messages.putMany([late(x)])).toEqual([3]);
      expect(world.store.messages.putMany([late(own), late(other, alice), late(y)])).toEqual([-2, -3, -4]);
      expect(idsOf(world.store.messages.arrivedAfter(0, 9))).toEqual([b.id, w.id, x.id]);
    });

    check("in one batch with who vouches come before it, whatever stands first", (messages) => {
      const [x, y] = [said(gone), said(gone)];
      const b = said(bob, x, y);
      expect(messages.putMany([late(x), keptMessage(b), late(y)])).toEqual([1, 2, 3]);
      expect(idsOf(messages.arrivedAfter(0, 9))).toEqual([x.id, b.id, y.id]);
      expect(queried(messages, { order: "asc", limit: 9, topic: "chat/general" }).map(({ seq }) => seq)).toEqual([
        1, 3, 2,
      ]);
    });

    check("get their places when their author is a member again, a few at a time and once", (messages, world) => {
      const gones = Array.from({ length: 7 }, () => said(gone));
      const other = said(alice);
      messages.putMany([...gones.map((one) => late(one)), late(other, alice)]);
      const back = (asked: PublicKey) => asked === key(gone);
      expect(messages.rejoin(back, 3)).toBe(3);
      const again = world.reopen().messages;
      let given = 0;
      for (let more = again.rejoin(back, 3); more > 0; more = again.rejoin(back, 3)) given += more;
      expect(given).toBe(4);
      for (const { messages } of beforeAndAfter(world)) {
        expect(idsOf(messages.arrivedAfter(0, 99))).toEqual(gones.map(({ id }) => id));
        expect([messages.apart, messages.lastSeq()]).toEqual([1, 7]);
        expect(messages.merkleRoot()).toBe(rootOf([...gones, other]));
      }
    });

    check("of a long line get their places bit by bit, none is lost by a crash between", (messages, world) => {
      const line = [said(gone)];
      for (let i = 1; i < 300; i++) line.push(said(gone, line[i - 1]!));
      messages.putMany(line.map((one) => late(one)));
      const b = said(bob, line.at(-1)!);
      messages.putMany([keptMessage(b)]);
      expect(messages.lastSeq()).toBeGreaterThan(1);
      for (let more = 1; more > 0; ) more = world.reopen().messages.rejoin(nobody, 64);
      const store = world.store.messages;
      expect([store.apart, store.isRejoining, store.lastSeq(), store.size]).toEqual([0, false, 301, 301]);
      const seqs = store.arrivedAfter(0, 999).map(({ seq }) => seq);
      expect(seqs).toEqual(Array.from({ length: 301 }, (_, i) => i + 1));
      expect(store.merkleRoot()).toBe(rootOf([...line, b]));
    });

    check(
      "are pruned and come back as they were, or with a place when they are a member's by then",
      (messages, world) => {
        const [x, y, b] = [said(gone), said(gone), said(bob)];
        messages.putMany([late(x), late(y), keptMessage(b)]);
        expect(messages.pruneBefore(b.timestamp)).toBe(2);
        expect([messages.size, messages.apart, messages.pruned]).toEqual([1, 0, 2]);
        messages.restoreFrom(0n);
        expect(messages.putMany([late(x), keptMessage(y)])).toEqual([-1, 2]);
        for (const { messages } of beforeAndAfter(world)) {
          expect([messages.size, messages.apart, messages.lastSeq()]).toEqual([3, 1, 2]);
          expect(idsOf(messages.arrivedAfter(0, 9))).toEqual([b.id, y.id]);
          expect(messages.merkleRoot()).toBe(rootOf([x, y, b]));
        }
      },
    );

    check("what had a place and was pruned comes back to it although its author is gone since", (messages) => {
      const [x, b] = [said(gone), said(bob)];
      messages.putMany([keptMessage(x), keptMessage(b)]);
      messages.pruneBefore(b.timestamp);
      messages.restoreFrom(0n);
      expect(messages.putMany([late(x)])).toEqual([1]);
      expect([messages.apart, messages.size]).toEqual([0, 2]);
    });

    check("leave no root behind that was kept without them", (messages, world) => {
      const a = said(alice);
      messages.putMany([keptMessage(a)]);
      expect(messages.merkleRoot()).toBe(rootOf([a]));
      const x = said(gone);
      world.reopen().messages.putMany([late(x)]);
      expect(world.reopen().messages.merkleRoot()).toBe(rootOf([a, x]));
    });
  });
}

function* beforeAndAfter(world: GroupStoreWorld): Generator<GroupStore> {
  yield world.store;
  yield world.reopen();
}

const idsOf = (found: readonly { readonly id: Message["id"] }[]) => found.map(({ id }) => id);

const rootOf = (all: readonly Message[]) =>
  merkleRoot(
    topologicalOrder(
      all.map(({ author, id, parents, timestamp }) => ({ id, author: author.pilot_node_id, timestamp, parents })),
    ),
  );
