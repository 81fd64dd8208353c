import { describe, expect, test } from "bun:test";
import { PublicKey } from "../../src/core/ids.ts";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import type { MessageStore } from "../../src/store/group-store.ts";
import { identity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { message } from "../support/message.ts";
import { queried } from "../support/queried.ts";
import type { GroupStoreWorld } from "./group-store.contract.ts";

const [alice, gone] = [identity(2), identity(4)] as const;
const NOW = 1_700_000_000_000n;

/** What a message store does with messages that leave by policy, and how it counts. Call inside a test file, once per driver. */
export function shedContract(name: string, makeWorld: () => GroupStoreWorld): void {
  const check = (sentence: string, body: (messages: MessageStore, world: GroupStoreWorld) => void) =>
    test(sentence, () => {
      using world = makeWorld();
      body(world.store.messages, world);
    });
  const said = (n: number, by = alice) => message({ by, timestamp: NOW + BigInt(n), content: new Uint8Array(n) });

  describe(`messages that leave by policy in ${name}`, () => {
    check("are in no set, root and view, count as unknown, and keep their numbers", (_, world) => {
      const all = [said(1), said(2), said(3)];
      world.store.messages.putMany(all.map(keptMessage));
      const [a, b, c] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]];
      const sum = world.store.messages.sumAt(3);
      expect(world.store.messages.shed([b.id, said(9).id])).toBe(1);
      for (const open of [() => world.store, () => world.reopen()]) {
        const { messages } = open();
        expect([messages.size, messages.lastSeq(), messages.has(b.id), messages.knows(b.id)]).toEqual([
          2,
          3,
          false,
          false,
        ]);
        expect([messages.pruned, messages.latestPruned()]).toEqual([0, undefined]);
        expect(messages.unknown([a.id, b.id])).toEqual([b.id]);
        expect(messages.merkleRoot()).toBe(merkleRoot([a.id, c.id]));
        expect(messages.arrivedAfter(0, 9).map(({ seq }) => seq)).toEqual([1, 3]);
        expect([messages.idAt(2), messages.sumAt(3)]).toEqual([b.id, sum]);
        expect(queried(messages, { order: "asc", limit: 9, topic: "chat/+" }).map(({ seq }) => seq)).toEqual([1, 3]);
        expect(messages.topics(9, { reserved: true })).toMatchObject([{ messages: 2 }]);
      }
    });

    check("come back at the numbers they had, whatever the time is", (_, world) => {
      const all = [said(1), said(2), said(3)];
      world.store.messages.putMany(all.map(keptMessage));
      world.store.messages.shed(all.map(({ id }) => id));
      const { messages } = world.reopen();
      expect(messages.putMany([said(4), said(2)].map(keptMessage))).toEqual([4, 2]);
      expect([messages.size, messages.pruned]).toEqual([2, 0]);
      expect(messages.merkleRoot()).toBe(merkleRoot([said(2).id, said(4).id]));
      expect(messages.putMany([said(2)].map(keptMessage))).toEqual([undefined]);
    });

    check("and what is apart are found by their numbers, a piece at a time", (messages) => {
      const [a, x] = [said(1), said(2, gone)];
      messages.putMany([keptMessage(a), { ...keptMessage(x), outsider: PublicKey.fromBytes(gone.publicKey) }]);
      const [first] = messages.lengthsAfter(Number.MIN_SAFE_INTEGER, 1);
      expect(first).toEqual({ seq: -1, id: x.id, bytes: keptMessage(x).canonical.length });
      expect(messages.lengthsAfter(-1, 9).map(({ id }) => id)).toEqual([a.id]);
      expect(messages.shed([x.id])).toBe(1);
      expect([messages.apart, messages.size]).toEqual([0, 1]);
      expect(messages.putMany([{ ...keptMessage(x), outsider: PublicKey.fromBytes(gone.publicKey) }])).toEqual([-1]);
      expect([messages.apart, messages.size]).toEqual([1, 2]);
    });

    check("what an author has in a stretch of dates is counted by number and length", (messages) => {
      const all = [said(1), said(2), said(3), said(2, gone)].map(keptMessage);
      messages.putMany(all);
      const [, second] = all;
      expect(messages.spentBy(alice.nodeId, NOW + 2n, NOW + 3n)).toEqual({
        messages: 1,
        bytes: second!.canonical.length,
      });
      expect(messages.spentBy(alice.nodeId, NOW, NOW + 9n).messages).toBe(3);
      expect(messages.spentBy(alice.nodeId, NOW + 9n, NOW + 99n)).toEqual({ messages: 0, bytes: 0 });
      // A stretch of a slow rate with a great burst ends far behind the last date there is.
      expect(messages.spentBy(alice.nodeId, 0n, 2n ** 80n).messages).toBe(3);
      expect(messages.spentBy(alice.nodeId, -(2n ** 80n), NOW + 3n).messages).toBe(2);
    });
  });
}
