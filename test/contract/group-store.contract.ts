import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { unixMs } from "../../src/core/clock.ts";
import { MerkleRoot, MessageId, PublicKey } from "../../src/core/ids.ts";
import { merkleRoot } from "../../src/core/order/merkle-tree.ts";
import { compareNodes, nextParents, type OrderNode, topologicalOrder } from "../../src/core/order/order.ts";
import { comparePlaces } from "../../src/core/order/time-place.ts";
import { addToSum } from "../../src/core/place.ts";
import { signMemberProfileAd } from "../../src/core/record/member-profile-ad.ts";
import { signNote } from "../../src/core/record/note.ts";
import type { Message } from "../../src/core/record/records.ts";
import { signTransportAd } from "../../src/core/record/transport-ad.ts";
import type { GroupStore, MessageStore } from "../../src/store/group-store.ts";
import { CONSUMERS_MAX } from "../../src/store/store-limits.ts";
import { pageIds } from "../../src/wire/peer/id-page.ts";
import { expectCode } from "../support/expect-code.ts";
import { identity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { lastOf } from "../support/last-of.ts";
import { GROUP, message } from "../support/message.ts";
import { queried } from "../support/queried.ts";
import { changed, roster } from "../support/roster.ts";

/** One group kept somewhere of its own for one test. */
export interface GroupStoreWorld extends Disposable {
  /** The store as it is now. */
  readonly store: GroupStore;
  /** Closes the store and opens what it kept; a driver that keeps nothing gives the same one. */
  reopen(): GroupStore;
}

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/** The questions every group store answers alike. Call inside a test file, once per driver. */
export function groupStoreContract(name: string, makeWorld: () => GroupStoreWorld): void {
  const check = (sentence: string, body: (store: GroupStore, world: GroupStoreWorld) => void) =>
    test(sentence, () => {
      using world = makeWorld();
      body(world.store, world);
    });

  describe(`messages in ${name}`, () => {
    check("an empty store has nothing, and says so", ({ messages }) => {
      expect(messages.size).toBe(0);
      expect(messages.lastSeq()).toBe(0);
      expect(messages.merkleRoot()).toBe(MerkleRoot.zero);
      expect(messages.nextParents()).toEqual([]);
      expect(messages.has(message().id)).toBeFalse();
      expect(messages.knows(message().id)).toBeFalse();
      expect(messages.get(message().id)).toBeUndefined();
      expect(messages.lengthOf(message().id)).toBeUndefined();
      expect(messages.arrivedAfter(0, 10)).toEqual([]);
      expect(queried(messages, { order: "asc", limit: 10 })).toEqual([]);
      expect(messages.latest(3)).toEqual([]);
      expect(messages.topics(10, { reserved: true })).toEqual([]);
      expect(messages.topologicalRange({ since: undefined, until: undefined })).toEqual([]);
      expect(messages.idsInRange({ lo: MessageId.zero, hi: MessageId.zero, limit: 10 })).toEqual([]);
      expect(messages.placesAfter(undefined, 10)).toEqual([]);
      expect(messages.idsSince(0n)).toEqual([]);
      expect(messages.pruneBefore(INT64_MAX)).toBe(0);
      expect(messages.putMany([])).toEqual([]);
    });

    check("what was put is there, byte for byte, also after reopening", ({ messages }, world) => {
      const [a, b] = [text("a"), text("b")];
      expect(messages.putMany([a, b].map(keptMessage))).toEqual([1, 2]);
      for (const store of beforeAndAfter(world)) {
        expect(store.messages.size).toBe(2);
        expect(store.messages.lastSeq()).toBe(2);
        expect(store.messages.get(b.id)).toEqual({ seq: 2, id: b.id, canonical: keptMessage(b).canonical });
        expect(store.messages.lengthOf(b.id)).toBe(keptMessage(b).canonical.length);
        expect(store.messages.has(a.id) && store.messages.knows(a.id)).toBeTrue();
        const [c, d] = [text("c").id, text("d").id];
        expect(store.messages.unknown([d, a.id, c, b.id, d])).toEqual([d, c, d]);
        expect(store.messages.unknown([a.id])).toEqual([]);
      }
    });

    check("putting again changes nothing and gives no number, also within one batch", ({ messages }) => {
      const [a, b, c] = [text("a"), text("b"), text("c")].map(keptMessage);
      expect(messages.putMany([a!, b!, a!])).toEqual([1, 2, undefined]);
      expect(messages.putMany([b!, c!])).toEqual([undefined, 3]);
      expect(messages.size).toBe(3);
      expect(messages.topics(9, { reserved: true })).toEqual([
        { topic: "chat/general", messages: 3, latest: 1_700_000_010_000n },
      ]);
    });

    check("a message that cannot be kept is refused, and none of its batch is stored", ({ messages }) => {
      const good = keptMessage(text("good"));
      const refused = [
        { ...good, id: MessageId.zero },
        { ...good, id: text("x").id, author_node_id: 2 ** 32 },
        { ...good, id: text("x").id, author_node_id: -1 },
        { ...good, id: text("x").id, author_node_id: 1.5 },
        { ...good, id: text("x").id, timestamp: INT64_MAX + 1n },
        { ...good, id: text("x").id, canonical: new Uint8Array(0) },
        { ...good, id: text("x").id, canonical: new Uint8Array(16 * 1024 * 1024 + 1) },
      ];
      for (const bad of refused) expectCode("invalid_argument", () => messages.putMany([good, bad]));
      expect(messages.size).toBe(0);
      expect(messages.has(good.id)).toBeFalse();
      expect(messages.putMany([good])).toEqual([1]);
    });

    check("fields reach their edges: int64 timestamps, uint32 authors", ({ messages }, world) => {
      const edges = [INT64_MIN, -(2n ** 53n) - 1n, -1n, 0n, 2n ** 53n + 1n, 2n ** 53n + 2n, INT64_MAX];
      const sent = edges.map((timestamp) => message({ timestamp }));
      const far = message({ timestamp: 0n, author: { pilot_node_id: 2 ** 32 - 1, entmoot_pubkey: null } });
      messages.putMany([...sent, far].toReversed().map(keptMessage));
      for (const store of beforeAndAfter(world)) {
        const found = queried(store.messages, { order: "asc", limit: 99 }).map(({ id }) => id);
        expect(found).toEqual(inTimeOrder([...sent, far]));
        expect(store.messages.merkleRoot()).toBe(merkleRoot(topologicalOrder([...sent, far].map(nodeOf))));
        expect(queried(store.messages, { since: INT64_MAX, order: "asc", limit: 9 }).map(({ id }) => id)).toEqual([
          sent.at(-1)!.id,
        ]);
        expect(queried(store.messages, { until: -1n, order: "desc", limit: 9 }).map(({ id }) => id)).toEqual([
          sent[1]!.id,
          sent[0]!.id,
        ]);
      }
    });

    check("arrival order is kept, and continues after reopening", ({ messages }, world) => {
      const late = Array.from({ length: 5 }, (_, i) => message({ timestamp: BigInt(100 - i) }));
      messages.putMany(late.map(keptMessage));
      const after = text("after");
      expect(world.reopen().messages.putMany([keptMessage(after)])).toEqual([6]);
      const ids = [...late, after].map(({ id }) => id);
      expect(world.store.messages.arrivedAfter(0, 99).map(({ id }) => id)).toEqual(ids);
      expect(world.store.messages.arrivedAfter(2, 2).map(({ seq }) => seq)).toEqual([3, 4]);
      expect(world.store.messages.arrivedAfter(6, 9)).toEqual([]);
      const [first, second] = world.store.messages.arrivedAfter(0, 2).map(({ canonical }) => canonical.length);
      const given = (maxBytes: number, limit = 99) => world.store.messages.arrivedAfter(0, limit, maxBytes).length;
      expect([0, 1, first!, first! + 1, first! + second!, 1e9].map((max) => given(max))).toEqual([1, 1, 1, 2, 2, 6]);
      expect(given(1e9, 3)).toBe(3);
      expect(world.store.messages.arrivedAfter(6, 9, 1)).toEqual([]);
      expectCode("invalid_argument", () => world.store.messages.arrivedAfter(0, 0));
    });

    check("pages meet exactly, also where many messages share a timestamp", ({ messages }) => {
      const sent = Array.from({ length: 30 }, (_, i) =>
        message({
          timestamp: BigInt(Math.floor(i / 10)),
          by: identity(1 + (i % 3)),
          topics: i % 2 === 0 ? ["even", "all/x"] : ["odd", "all/y"],
          content: new Uint8Array([i]),
        }),
      );
      messages.putMany(sent.map(keptMessage));
      const filters = [
        {},
        { topic: "even" },
        { topic: "all/+" },
        { author_node_id: identity(2).nodeId },
        { since: 1n },
      ];
      for (const filter of filters) {
        const expected = inTimeOrder(sent.filter((one) => passes(one, filter)));
        for (const order of ["asc", "desc"] as const) {
          const walked: MessageId[] = [];
          for (;;) {
            const last = sent.find(({ id }) => id === walked.at(-1));
            const from = last && { id: last.id, timestamp: last.timestamp, author_node_id: last.author.pilot_node_id };
            const page = queried(messages, { ...filter, order, limit: 4, ...(from ? { from } : {}) });
            walked.push(...page.map(({ id }) => id));
            if (page.length < 4) break;
          }
          expect(walked).toEqual(order === "asc" ? expected : expected.toReversed());
        }
      }
    });

    check("a query ends a piece after so many bytes, and tells where it goes on and that nothing follows", (store) => {
      // In base64 two of them are past 256 KiB.
      const content = new Uint8Array(100 * 1024);
      const sent = [1n, 2n, 3n, 4n, 5n].map((timestamp) => message({ timestamp, content }));
      store.messages.putMany(sent.map(keptMessage));
      const first = store.messages.query({ order: "asc", limit: 99 });
      expect(first.found.map(({ id }) => id)).toEqual(sent.slice(0, 2).map(({ id }) => id));
      const { id, timestamp, author } = sent[1]!;
      expect(first.rest).toEqual({ id, timestamp, author_node_id: author.pilot_node_id });
      const last = { id: sent[3]!.id, timestamp: 4n, author_node_id: author.pilot_node_id };
      const second = store.messages.query({ order: "asc", limit: 99, from: last });
      expect(second.found.map((found) => found.id)).toEqual([sent[4]!.id]);
      expect(second.rest).toBeUndefined();
    });

    check("the bounds of time are from inclusive to exclusive", ({ messages }) => {
      const sent = [1n, 2n, 3n].map((timestamp) => message({ timestamp }));
      messages.putMany(sent.map(keptMessage));
      const ids = (query: { since?: bigint; until?: bigint }) =>
        queried(messages, { ...query, order: "asc", limit: 9 }).map(({ id }) => id);
      expect(ids({ since: 2n, until: 3n })).toEqual([sent[1]!.id]);
      expect(ids({ since: 3n, until: 3n })).toEqual([]);
      expect(ids({ since: 3n, until: 1n })).toEqual([]);
      expectCode("invalid_argument", () => queried(messages, { order: "asc", limit: 0 }));
    });

    check("topics are found by pattern; a message without topics by none but # of the latest", ({ messages }) => {
      const sent = [["a"], ["a/b"], ["a/b", "c"], [], ["a//b"], ["a/b/c"], ["ab"]].map((topics, i) =>
        message({ topics, timestamp: BigInt(i) }),
      );
      messages.putMany(sent.map(keptMessage));
      const at = (found: readonly { id: MessageId }[]) => found.map(({ id }) => sent.findIndex((one) => one.id === id));
      const query = (topic: string) => at(queried(messages, { topic, order: "asc", limit: 99 }));
      expect(query("a/b")).toEqual([1, 2]);
      expect(query("a/#")).toEqual([0, 1, 2, 5]);
      expect(query("+")).toEqual([0, 2, 6]);
      expect(query("+/b")).toEqual([1, 2]);
      expect(query("#")).toEqual([0, 1, 2, 5, 6]);
      expect(query("nothing")).toEqual([]);
      expect(at(messages.latest(99, "#"))).toEqual([0, 1, 2, 3, 5, 6]);
      expect(at(messages.latest(2, "#"))).toEqual([5, 6]);
      expect(at(messages.latest(1, "a/b"))).toEqual([2]);
      expect(at(messages.latest(99))).toEqual([0, 1, 2, 3, 4, 5, 6]);
      for (const bad of ["", "a//b", "a#", "#/a"]) {
        expectCode("invalid_argument", () => queried(messages, { topic: bad, order: "asc", limit: 1 }));
        expectCode("invalid_argument", () => messages.latest(1, bad));
      }
    });

    check("a pattern that covers more topics than can be merged finds them all", ({ messages }) => {
      const sent = Array.from({ length: 600 }, (_, i) => ({ i, topics: i % 3 === 0 ? ["other"] : [`many/${i}`] }));
      const all = sent.map(({ i, topics }) => keptMessage(message({ topics, timestamp: BigInt(i) })));
      messages.putMany(all);
      const expected = all.filter((_, i) => i % 3 !== 0).map(({ id }) => id);
      expect(queried(messages, { topic: "many/#", order: "asc", limit: 999 }).map(({ id }) => id)).toEqual(expected);
      expect(queried(messages, { topic: "many/+", order: "desc", limit: 300 }).map(({ id }) => id)).toEqual(
        expected.toReversed().slice(0, 300),
      );
    });

    check("topics are counted once a message, most used first, then latest, then by name", ({ messages }, world) => {
      messages.putMany(
        [
          message({ topics: ["b", "b", "twice"], timestamp: 5n }),
          message({ topics: ["twice"], timestamp: 1n }),
          message({ topics: ["a"], timestamp: 5n }),
          message({ topics: ["é", "newest"], timestamp: 9n }),
        ].map(keptMessage),
      );
      const expected = [
        { topic: "twice", messages: 2, latest: 5n },
        { topic: "newest", messages: 1, latest: 9n },
        { topic: "é", messages: 1, latest: 9n },
        { topic: "a", messages: 1, latest: 5n },
        { topic: "b", messages: 1, latest: 5n },
      ];
      expect(messages.topics(99, { reserved: true })).toEqual(expected);
      expect(messages.topics(2, { reserved: true })).toEqual(expected.slice(0, 2));
      expect(world.reopen().messages.topics(99, { reserved: true })).toEqual(expected);
    });

    check("ids come by range, ascending, and a zero upper bound is none", ({ messages }) => {
      const ids = Array.from({ length: 20 }, (_, i) => text(`${i}`)).map(keptMessage);
      messages.putMany(ids);
      const sorted = ids.map(({ id }) => id).sort();
      const zero = MessageId.zero;
      expect(messages.idsInRange({ lo: zero, hi: zero, limit: 99 })).toEqual(sorted);
      expect(messages.idsInRange({ lo: sorted[3]!, hi: sorted[7]!, limit: 99 })).toEqual(sorted.slice(3, 7));
      expect(messages.idsInRange({ lo: sorted[3]!, hi: zero, limit: 5 })).toEqual(sorted.slice(3, 8));
      expect(messages.idsInRange({ lo: sorted[7]!, hi: sorted[3]!, limit: 5 })).toEqual([]);
      expect(messages.idsInRange({ lo: sorted[7]!, hi: sorted[7]!, limit: 5 })).toEqual([]);
    });

    check("pages of places go through all messages in time order", ({ messages }) => {
      const times = [5n, -3n, INT64_MAX, 5n, 5n, -INT64_MAX - 1n, 2n];
      const put = times.map((timestamp, n) => message({ timestamp, topics: [`${n}`] }));
      messages.putMany(put.map(keptMessage));
      const places = put.map(({ id, timestamp, author }) => ({ id, timestamp, author_node_id: author.pilot_node_id }));
      places.sort(comparePlaces);
      expect(messages.placesAfter(undefined, 99)).toEqual(places);
      for (const [at, place] of places.entries()) {
        expect(messages.placesAfter(place, 2)).toEqual(places.slice(at + 1, at + 3));
      }
      const unheld = { ...places[2]!, id: MessageId.fromHex("f".repeat(64)), timestamp: 3n };
      expect(messages.placesAfter(unheld, 99)).toEqual(places.filter(({ timestamp }) => timestamp > 3n));
      expect(() => messages.placesAfter(undefined, 0)).toThrow("limit");
    });

    check("a range is in the topological order of what is in it", ({ messages }) => {
      const root = message({ timestamp: 10n });
      const early = message({ timestamp: 5n, parents: [root.id] });
      const other = message({ timestamp: 7n });
      const earliest = message({ timestamp: -3n, parents: [early.id] });
      messages.putMany([earliest, early, other, root].map(keptMessage));
      const ids = (range: { since: bigint | undefined; until: bigint | undefined }) =>
        messages.topologicalRange(range).map(({ id }) => id);
      expect(ids({ since: undefined, until: undefined })).toEqual([other.id, root.id, early.id, earliest.id]);
      expect(ids({ since: 0n, until: undefined })).toEqual([other.id, root.id, early.id]);
      expect(ids({ since: undefined, until: 10n })).toEqual([early.id, earliest.id, other.id]);
      expect(messages.idsSince(0n)).toEqual([other.id, root.id, early.id]);
      expect(messages.idsSince(6n)).toEqual([other.id, root.id]);
      // Before and after the order of all of it is known by heart.
      for (const _ of [1, 2]) {
        for (const since of [-9n, 0n, 6n, 99n]) {
          const ids = messages.idsSince(since);
          expect(pageIds(lastOf(messages.idsSinceInSteps(since)))).toEqual(ids);
          expect(messages.countSince(since)).toBe(ids.length);
        }
        messages.merkleRoot();
      }
      expect(messages.latest(2).map(({ id }) => id)).toEqual([other.id, root.id]);
      expect(messages.latest(3).map(({ id }) => id)).toEqual([other.id, root.id, early.id]);
      expect(messages.nextParents()).toEqual([other.id, root.id, early.id]);
    });

    check(
      "pruning forgets bodies and topics, keeps ids known, and nothing pruned comes back",
      ({ messages }, world) => {
        const old = message({ timestamp: 5n, topics: ["old", "both"] });
        const pinned = message({ timestamp: 6n, topics: ["pinned", "both"] });
        const young = message({ timestamp: 10n, topics: ["both"] });
        messages.putMany([old, pinned, young].map(keptMessage));
        expect(messages.pruneBefore(0n)).toBe(0);
        expect(messages.pruneBefore(-5n)).toBe(0);
        expect(messages.pruneBefore(10n, PINNED)).toBe(1);
        expect(messages.pruneBefore(10n, PINNED)).toBe(0);
        for (const store of beforeAndAfter(world)) {
          const kept = store.messages;
          expect(kept.size).toBe(2);
          expect(kept.has(old.id)).toBeFalse();
          expect(kept.knows(old.id)).toBeTrue();
          expect(kept.unknown([old.id, old.id])).toEqual([]);
          expect(kept.get(old.id)).toBeUndefined();
          expect(kept.putMany([keptMessage(old)])).toEqual([undefined]);
          expect(kept.size).toBe(2);
          expect(kept.merkleRoot()).toBe(merkleRoot([pinned.id, young.id]));
          expect(queried(kept, { topic: "old", order: "asc", limit: 9 })).toEqual([]);
          expect(kept.topics(9, { reserved: true })).toEqual([
            { topic: "both", messages: 2, latest: 10n },
            { topic: "pinned", messages: 1, latest: 6n },
          ]);
          expect(kept.arrivedAfter(0, 9).map(({ seq }) => seq)).toEqual([2, 3]);
          expect(kept.lastSeq()).toBe(3);
        }
        expect(world.store.messages.pruneBefore(INT64_MAX)).toBe(2);
        expect(world.store.messages.topics(9, { reserved: true })).toEqual([]);
        expect(world.reopen().messages.putMany([keptMessage(text("new"))])).toEqual([4]);
      },
    );

    check("the log has an id of its own, the same after reopening, until another is drawn", ({ messages }, world) => {
      const drawn = messages.logId();
      expect(drawn).toMatch(/^[0-9a-f]{16}$/);
      messages.putMany([text("a"), text("b")].map(keptMessage));
      messages.pruneBefore(INT64_MAX);
      for (const store of beforeAndAfter(world)) expect(store.messages.logId()).toBe(drawn);
      world.store.messages.drawLog();
      const next = world.store.messages.logId();
      expect(next).toMatch(/^[0-9a-f]{16}$/);
      expect(next).not.toBe(drawn);
      for (const store of beforeAndAfter(world)) expect(store.messages.logId()).toBe(next);
      using other = makeWorld();
      expect([drawn, next]).not.toContain(other.store.messages.logId());
    });

    check(
      "a number tells its message, also when that was pruned, and none it was never given",
      ({ messages }, world) => {
        const at = (timestamp: bigint) => message({ timestamp });
        const put = [at(1n), at(20n), at(2n), at(30n)];
        const sums = [0];
        for (const { id } of [...put, at(40n)]) sums.push(addToSum(sums.at(-1)!, id));
        const sumsOf = (of: MessageStore, upTo: number) => Array.from({ length: upTo + 1 }, (_, seq) => of.sumAt(seq));
        messages.putMany(put.map(keptMessage));
        for (const store of beforeAndAfter(world)) {
          expect([1, 2, 3, 4].map((seq) => store.messages.idAt(seq))).toEqual(put.map(({ id }) => id));
          expect(sumsOf(store.messages, 4)).toEqual(sums.slice(0, 5));
        }
        expect(world.store.messages.pruneBefore(10n)).toBe(2);
        world.store.messages.putMany([keptMessage(at(40n))]);
        for (const store of beforeAndAfter(world)) expect(sumsOf(store.messages, 5)).toEqual(sums);
        for (const store of beforeAndAfter(world)) {
          expect([1, 2, 3, 4].map((seq) => store.messages.idAt(seq))).toEqual(put.map(({ id }) => id));
          expect(store.messages.idAt(5)).toBe(at(40n).id);
          for (const never of [0, -1, 6, 2 ** 40]) expect(store.messages.idAt(never)).toBeUndefined();
        }
      },
    );

    check("a long log has the same sums at every number, however it was stored, pruned or opened again", (_, world) => {
      const said = Array.from({ length: 300 }, (__, at) => message({ timestamp: BigInt(at + 1) }));
      const sums = [0];
      for (const { id } of said) sums.push(addToSum(sums.at(-1)!, id));
      let stored = 0;
      for (const size of [1, 62, 1, 1, 130, 5, 100]) {
        world.store.messages.putMany(said.slice(stored, stored + size).map(keptMessage));
        stored += size;
        if (stored === 199) world.store.messages.pruneBefore(100n);
        for (const store of beforeAndAfter(world)) {
          const found = Array.from({ length: stored + 1 }, (__, seq) => store.messages.sumAt(seq));
          expect(found).toEqual(sums.slice(0, stored + 1));
        }
      }
    });

    check("what was pruned comes back at its number where it may, with its topics", ({ messages }, world) => {
      const said = [3n, 5n, 7n, 9n].map((timestamp) => message({ timestamp, topics: [`t${timestamp}`] }));
      messages.putMany(said.map(keptMessage));
      expect([messages.pruneBefore(8n, undefined, 2), messages.pruned, messages.size]).toEqual([2, 2, 2]);
      expect([messages.pruneBefore(8n, undefined, 2), messages.pruned, messages.size]).toEqual([1, 3, 1]);
      for (const store of beforeAndAfter(world)) {
        store.messages.restoreFrom(5n);
        expect(store.messages.unknown(said.map(({ id }) => id))).toEqual(said.slice(1, 3).map(({ id }) => id));
        expect(said.map(({ id }) => store.messages.knows(id))).toEqual([true, false, false, true]);
        expect(store.messages.latestPruned()).toBe(7n);
        store.messages.restoreFrom(undefined);
        expect(store.messages.unknown(said.map(({ id }) => id))).toEqual([]);
      }
      world.store.messages.restoreFrom(5n);
      expect(world.store.messages.putMany(said.toReversed().map(keptMessage))).toEqual([undefined, 3, 2, undefined]);
      expect(world.store.messages.putMany([keptMessage(text("next"))])).toEqual([5]);
      for (const { messages: now } of beforeAndAfter(world)) {
        expect([now.size, now.pruned, now.latestPruned(), now.lastSeq()]).toEqual([4, 1, 3n, 5]);
        expect(now.arrivedAfter(0, 9).map(({ seq }) => seq)).toEqual([2, 3, 4, 5]);
        expect([1, 2, 3, 4].map((seq) => now.idAt(seq))).toEqual(said.map(({ id }) => id));
        expect(queried(now, { topic: "t5", order: "asc", limit: 9 }).map(({ id }) => id)).toEqual([said[1]!.id]);
        now.restoreFrom(undefined);
        expect(now.knows(said[0]!.id)).toBe(true);
      }
    });

    check("the root that was kept for the next opening goes with what comes back after it", ({ messages }, world) => {
      const said = [3n, 5n, 7n].map((timestamp) => message({ timestamp }));
      messages.putMany(said.map(keptMessage));
      messages.pruneBefore(6n);
      expect(messages.merkleRoot()).toBe(merkleRoot([said[2]!.id]));
      const again = world.reopen().messages;
      expect(again.merkleRoot()).toBe(merkleRoot([said[2]!.id]));
      again.restoreFrom(4n);
      again.putMany([keptMessage(said[1]!)]);
      for (const { messages: now } of beforeAndAfter(world)) {
        expect(now.merkleRoot()).toBe(merkleRoot([said[1]!.id, said[2]!.id]));
      }
    });

    check(
      "a root from some time on is kept in step for a few times, and is built for others when asked",
      (_, world) => {
        const { messages } = world.store;
        messages.putMany([1n, 2n, 3n].map((timestamp) => keptMessage(message({ timestamp }))));
        expect(messages.sharedSince(1n, 0)).toEqual({ root: messages.merkleRoot(), count: 3 });
        const since2 = messages.sharedSince(2n, 9);
        const later = message({ timestamp: 4n });
        messages.putMany([keptMessage(later)]);
        expect(messages.sharedSince(2n, 0)).not.toEqual(since2);
        expect(messages.sharedSince(4n, 9)).toEqual({ root: merkleRoot([later.id]), count: 1 });
        expect(messages.sharedSince(5n, 9)).toEqual({ root: MerkleRoot.zero, count: 0 });
      },
    );

    test("puts, prunes, returns and restarts in any order give the root, order and parents of what is held", () => {
      fc.assert(
        fc.property(anyHistory, ({ shape, batches }) => {
          using world = makeWorld();
          const sent = build(shape);
          const held = new Map<MessageId, Message>();
          const pruned = new Set<MessageId>();
          const seqs = new Map<MessageId, number>();
          for (const { take, pruneBefore, restart, restoreFrom, look } of batches) {
            const batch = take.map((at) => sent[at % sent.length]!);
            world.store.messages.restoreFrom(restoreFrom);
            const given = world.store.messages.putMany(batch.map(keptMessage));
            for (const [at, one] of batch.entries()) {
              const isBack = restoreFrom !== undefined && one.timestamp >= restoreFrom;
              if (held.has(one.id) || (pruned.has(one.id) && !isBack)) expect(given[at]).toBeUndefined();
              else {
                expect(given[at]).toBe(seqs.get(one.id) ?? seqs.size + 1);
                held.set(one.id, one);
                pruned.delete(one.id);
                seqs.set(one.id, given[at]!);
              }
            }
            if (pruneBefore !== undefined) {
              const old = [...held.values()].filter(({ timestamp }) => timestamp < pruneBefore && pruneBefore > 0n);
              let gone = 0;
              for (let piece = 2; piece > 0; gone += piece) {
                piece = world.store.messages.pruneBefore(pruneBefore, undefined, 2);
              }
              expect(gone).toBe(old.length);
              for (const { id } of old) {
                held.delete(id);
                pruned.add(id);
              }
            }
            if (restart) world.reopen();
            if (look) expectHeld(world.store, [...held.values()]);
          }
          world.reopen().messages.restoreFrom(undefined);
          expectHeld(world.store, [...held.values()]);
          for (const id of pruned) expect(world.store.messages.knows(id)).toBeTrue();
          for (const [id, seq] of seqs) expect(world.store.messages.idAt(seq)).toBe(id);
          expect(world.store.messages.pruned).toBe(pruned.size);
        }),
        { numRuns: 60 },
      );
    });
  });

  describe(`the roster in ${name}`, () => {
    check("entries behind one give way to others, also after reopening", ({ roster: kept }, world) => {
      const [founder, ...others] = [identity(1), identity(2), identity(3), identity(4)] as const;
      const [log, other] = [roster([founder, ...others]), roster([founder, others[0], others[2]])];
      kept.append(log.entries);
      kept.rebranch(2, other.entries.slice(2));
      expect(world.reopen().roster.entries()).toEqual([...other.entries]);
      world.store.roster.rebranch(1, []);
      expect(world.store.roster.entries()).toEqual(other.entries.slice(0, 1));
    });

    check("what is known of other histories is kept whole, and as it was given last", ({ roster: kept }, world) => {
      expect(kept.forks()).toEqual([]);
      kept.keepForks(["one", "two", "x".repeat(1024 * 1024)]);
      expect(world.reopen().roster.forks()).toEqual(["one", "two", "x".repeat(1024 * 1024)]);
      world.store.roster.keepForks(["three"]);
      expect(world.reopen().roster.forks()).toEqual(["three"]);
      world.store.roster.keepForks([]);
      expect(world.reopen().roster.forks()).toEqual([]);
    });

    check("entries come back in log order, also after reopening and appending", ({ roster: kept }, world) => {
      const log = roster([identity(1), identity(2), identity(3)]);
      expect(kept.entries()).toEqual([]);
      kept.append(log.entries.slice(0, 2));
      expect(world.reopen().roster.entries()).toEqual(log.entries.slice(0, 2));
      world.store.roster.append(log.entries.slice(2));
      world.store.roster.append([]);
      const longer = changed(log, identity(1), {
        op: "remove",
        key: identity(3).publicKey,
        nodeId: identity(3).nodeId,
      });
      world.store.roster.append(longer.entries.slice(3));
      expect(world.reopen().roster.entries()).toEqual([...longer.entries]);
    });
  });

  describe(`ads in ${name}`, () => {
    check("the last one put of each member and kind is kept, ascending by member", ({ ads }, world) => {
      const [a, b] = [identity(1), identity(2)];
      const first = transportAd(1, 1n);
      ads.putTransportAd(first);
      ads.putTransportAd(transportAd(2, 7n));
      ads.putTransportAd(transportAd(1, 2n));
      ads.putProfileAd(profileAd(1, 3n));
      const bySize = [transportAd(1, 2n), transportAd(2, 7n)].sort(
        (x, y) => x.author.pilot_node_id - y.author.pilot_node_id,
      );
      for (const store of beforeAndAfter(world)) {
        expect(store.ads.transportAds()).toEqual(bySize);
        expect(store.ads.profileAds()).toEqual([profileAd(1, 3n)]);
      }
      expect(a.nodeId).not.toBe(b.nodeId);
    });

    check("several profiles are put at once", ({ ads }, world) => {
      ads.putProfileAd(profileAd(1, 3n));
      ads.putProfileAds([profileAd(1, 4n), profileAd(2, 1n)]);
      for (const store of beforeAndAfter(world)) {
        expect(
          store.ads
            .profileAds()
            .map(({ seq }) => Number(seq))
            .toSorted(),
        ).toEqual([1, 4]);
      }
    });

    check("an ad is gone once its time is over, not on the millisecond", ({ ads }) => {
      ads.putTransportAd(transportAd(1, 1n, 1000n));
      ads.putProfileAd(profileAd(2, 1n, 999n));
      ads.dropExpired(unixMs(999));
      expect(ads.profileAds().length).toBe(1);
      ads.dropExpired(unixMs(1000));
      expect(ads.profileAds()).toEqual([]);
      expect(ads.transportAds().length).toBe(1);
      ads.dropExpired(unixMs(1001));
      expect(ads.transportAds()).toEqual([]);
    });

    check("our sequence numbers only grow, per kind, and survive a restart", ({ ads }, world) => {
      expect(ads.nextSeq("transport", 0n)).toBe(1n);
      expect(ads.nextSeq("transport", 0n)).toBe(2n);
      expect(ads.nextSeq("profile", 0n)).toBe(1n);
      expect(world.reopen().ads.nextSeq("transport", 0n)).toBe(3n);
      expect(world.store.ads.nextSeq("transport", 2n ** 60n)).toBe(2n ** 60n + 1n);
      expect(world.store.ads.nextSeq("transport", 5n)).toBe(2n ** 60n + 2n);
      expect(world.store.ads.nextSeq("profile", INT64_MAX - 1n)).toBe(INT64_MAX);
      expectCode("invalid_argument", () => world.store.ads.nextSeq("profile", 0n));
    });
  });

  describe(`notes in ${name}`, () => {
    const note = (n: number, version: bigint, kind: "receipt" | "rule" = "receipt", bytes = 10) =>
      signNote({ seed: identity(n).seed, kind, groupId: GROUP, version, body: new Uint8Array(bytes) });

    check("of each author and kind one is kept, byte for byte, also after reopening", ({ notes }, world) => {
      expect([...notes.all()]).toEqual([]);
      expect(notes.get(note(1, 1n))).toBeUndefined();
      notes.change({ put: [note(1, 1n), note(2, 1n, "receipt", 8000), note(1, 1n, "rule")] });
      notes.change({ put: [note(1, 2n)] });
      for (const store of beforeAndAfter(world)) {
        const held = [...store.notes.all()].map(({ author, kind, version }) => [kind, author, version]);
        const [one, two] = [identity(1), identity(2)].map(({ publicKey }) => PublicKey.fromBytes(publicKey));
        const receipts = [
          ["receipt", one, 2n],
          ["receipt", two, 1n],
        ].sort(([, a], [, b]) => (a! < b! ? -1 : 1));
        expect(held).toEqual([...receipts, ["rule", one, 1n]] as never);
        expect(store.notes.get(note(2, 7n))?.bytes.toHex()).toBe(note(2, 1n, "receipt", 8000).bytes.toHex());
      }
    });

    check("what is dropped is gone, and what is put in the same change is there", ({ notes }, world) => {
      notes.change({ put: [note(1, 1n), note(2, 1n)] });
      notes.change({ drop: [note(1, 9n), note(2, 1n), note(3, 1n)], put: [note(2, 2n)] });
      for (const store of beforeAndAfter(world)) {
        expect([...store.notes.all()].map(({ version }) => version)).toEqual([2n]);
      }
    });
  });

  describe(`consumers in ${name}`, () => {
    check("a cursor only moves forward, within the log, and survives a restart", ({ messages, consumers }, world) => {
      messages.putMany([text("a"), text("b"), text("c")].map(keptMessage));
      expect(consumers.cursor("tail")).toBeUndefined();
      consumers.advance("tail", 0);
      expect(consumers.cursor("tail")).toBe(0);
      consumers.advance("tail", 2);
      consumers.advance("tail", 1);
      expect(world.reopen().consumers.cursor("tail")).toBe(2);
      for (const bad of [-1, 1.5, 4, Number.NaN]) {
        expectCode("invalid_argument", () => world.store.consumers.advance("tail", bad));
      }
      expectCode("invalid_argument", () => world.store.consumers.advance("", 1));
      world.store.consumers.forget("tail");
      expect(world.store.consumers.cursor("tail")).toBeUndefined();
    });

    check("a lease is one owner's until it expires, and renewing keeps its token", ({ consumers }, world) => {
      const ask = (owner: string, nowMs: number) =>
        world.store.consumers.acquireLease({ consumer: "push", owner, ttlMs: 100, nowMs: unixMs(nowMs) });
      const first = consumers.acquireLease({ consumer: "push", owner: "a", ttlMs: 100, nowMs: unixMs(0) })!;
      expect(first).toEqual({ owner: "a", token: first.token, expiresAtMs: 100 });
      expect(ask("b", 99)).toBeUndefined();
      expect(ask("a", 50)).toEqual({ ...first, expiresAtMs: 150 });
      world.reopen();
      expect(ask("b", 149)).toBeUndefined();
      const second = ask("b", 150)!;
      expect(second.token).toBeGreaterThan(first.token);
      expect(ask("a", 160)).toBeUndefined();
      world.store.consumers.releaseLease("push", first.token);
      expect(ask("a", 160)).toBeUndefined();
      world.store.consumers.releaseLease("push", second.token);
      expect(ask("a", 160)!.token).toBeGreaterThan(second.token);
      expect(world.store.consumers.cursor("push")).toBeUndefined();
    });

    check("work under a lease that passed to another is refused", ({ messages, consumers }) => {
      messages.putMany([text("a"), text("b")].map(keptMessage));
      const lease = (owner: string, nowMs: number) =>
        consumers.acquireLease({ consumer: "push", owner, ttlMs: 10, nowMs: unixMs(nowMs) })!;
      const first = lease("a", 0);
      consumers.advance("push", 1, first.token);
      const second = lease("b", 10);
      expectCode("conflict", () => consumers.advance("push", 2, first.token));
      expect(consumers.cursor("push")).toBe(1);
      consumers.advance("push", 2, second.token);
      consumers.forget("push");
      const third = lease("c", 11);
      expect(third.token).toBeGreaterThan(second.token);
      expectCode("conflict", () => consumers.advance("push", 2, second.token));
      consumers.releaseLease("push", third.token);
      expectCode("conflict", () => consumers.advance("push", 2, third.token));
      expectCode("conflict", () => consumers.advance("nobody", 0, 1));
    });

    check(
      "all consumers are listed by name, with what each is done up to and its lease",
      ({ consumers, messages }, world) => {
        expect(consumers.list()).toEqual([]);
        messages.putMany([text("a"), text("b")].map(keptMessage));
        consumers.advance("tail", 2);
        const lease = consumers.acquireLease({ consumer: "push", owner: "a", ttlMs: 100, nowMs: unixMs(5) })!;
        consumers.advance("é", 0);
        consumers.advance("agent/tail", 1);
        consumers.advance("gone", 1);
        consumers.forget("gone");
        const given = consumers.acquireLease({ consumer: "mail", owner: "b", ttlMs: 100, nowMs: unixMs(5) })!;
        consumers.releaseLease("mail", given.token);
        for (const store of beforeAndAfter(world)) {
          expect(store.consumers.list()).toEqual([
            { name: "agent/tail", cursor: 1, lease: undefined },
            { name: "mail", cursor: undefined, lease: undefined },
            { name: "push", cursor: undefined, lease: { owner: "a", token: lease.token, expiresAtMs: 105 } },
            { name: "tail", cursor: 2, lease: undefined },
            { name: "é", cursor: 0, lease: undefined },
          ]);
          for (const kept of store.consumers.list()) expect(store.consumers.get(kept.name)).toEqual(kept);
          expect(store.consumers.get("gone")).toBeUndefined();
        }
      },
    );

    check("there is room for 1,024 consumers, and again after one is forgotten", ({ consumers }) => {
      for (let i = 0; i < CONSUMERS_MAX; i++) consumers.advance(`c${i}`, 0);
      expectCode("conflict", () => consumers.advance("one more", 0));
      expectCode("conflict", () =>
        consumers.acquireLease({ consumer: "one more", owner: "a", ttlMs: 1, nowMs: unixMs(0) }),
      );
      consumers.advance("c5", 0);
      consumers.forget("c7");
      consumers.advance("one more", 0);
      expect(consumers.cursor("one more")).toBe(0);
    });
  });

  describe(`facts in ${name}`, () => {
    check("a fact is what was last said of it, also after reopening", (store, world) => {
      expect(store.getFact("metadata")).toBeUndefined();
      store.setFact("metadata", '{"name":"é\\u0000"}');
      store.setFact("policy", "{}");
      store.setFact("policy", undefined);
      expect(world.reopen().getFact("metadata")).toBe('{"name":"é\\u0000"}');
      expect(world.store.getFact("policy")).toBeUndefined();
      expectCode("invalid_argument", () => world.store.setFact("", "x"));
      expectCode("invalid_argument", () =>
        world.store.setFacts([
          ["metadata", undefined],
          ["", "x"],
        ]),
      );
      world.store.setFacts([
        ["one", "1"],
        ["two", "2"],
      ]);
      const again = world.reopen();
      expect(["metadata", "one", "two"].map((name) => again.getFact(name))).toEqual(['{"name":"é\\u0000"}', "1", "2"]);
      expectCode("invalid_argument", () => world.store.setFact("big", "x".repeat(1024 * 1024 + 1)));
    });
  });
}

/** What the author of `message()` says on one topic. */
const PINNED = { topic: "pinned", author_node_id: identity(1).nodeId };

/** The store as it is, then as it is after reopening. */
function* beforeAndAfter(world: GroupStoreWorld): Generator<GroupStore> {
  yield world.store;
  yield world.reopen();
}

function expectHeld({ messages }: GroupStore, held: readonly Message[]): void {
  const nodes = held.map(nodeOf);
  const order = topologicalOrder(nodes);
  expect(messages.size).toBe(held.length);
  // Before anything that loads the order: the short way must agree with the long one.
  expect(messages.nextParents()).toEqual(nextParents(nodes));
  expect(messages.merkleRoot()).toBe(merkleRoot(order));
  expect(messages.nextParents()).toEqual(nextParents(nodes));
  expect(messages.topologicalRange({ since: undefined, until: undefined }).map(({ id }) => id)).toEqual(order);
  expect(queried(messages, { order: "asc", limit: held.length + 1 }).map(({ id }) => id)).toEqual(inTimeOrder(held));
  for (const since of [0n, 5n, 5n, 9n]) {
    const newer = nodes.filter(({ timestamp }) => timestamp >= since);
    expect(messages.sharedSince(since, held.length + 1)).toEqual({
      root: merkleRoot(topologicalOrder(newer)),
      count: newer.length,
    });
  }
}

/** A group's messages by number: parents are lower numbers, so any set of them can arrive in any order. */
interface Shape {
  readonly timestamp: bigint;
  readonly author: number;
  readonly parents: readonly number[];
}

const anyShape: fc.Arbitrary<Shape> = fc.record({
  timestamp: fc.oneof(fc.bigInt(-3n, 12n), fc.constantFrom(INT64_MIN, INT64_MAX, 2n ** 53n + 1n)),
  author: fc.integer({ min: 1, max: 3 }),
  parents: fc.array(fc.nat({ max: 30 }), { maxLength: 4 }),
});

const anyHistory = fc.record({
  shape: fc.array(anyShape, { minLength: 1, maxLength: 25 }),
  batches: fc.array(
    fc.record({
      take: fc.array(fc.nat({ max: 30 }), { maxLength: 12 }),
      pruneBefore: fc.option(fc.bigInt(-2n, 12n), { nil: undefined, freq: 4 }),
      restoreFrom: fc.option(fc.bigInt(-2n, 12n), { nil: undefined, freq: 2 }),
      restart: fc.boolean(),
      look: fc.boolean(),
    }),
    { maxLength: 6 },
  ),
});

function build(shapes: readonly Shape[]): Message[] {
  const built: Message[] = [];
  for (const [i, { timestamp, author, parents }] of shapes.entries()) {
    const ids = i === 0 ? [] : parents.map((at) => built[at % i]!.id);
    built.push(message({ timestamp, by: identity(author), parents: ids, content: new Uint8Array([i]) }));
  }
  return built;
}

function text(words: string): Message {
  return message({ content: new TextEncoder().encode(words) });
}

function nodeOf({ id, author, timestamp, parents }: Message): OrderNode {
  return { id, author: author.pilot_node_id, timestamp, parents };
}

function inTimeOrder(messages: readonly Message[]): MessageId[] {
  return messages
    .map(nodeOf)
    .sort(compareNodes)
    .map(({ id }) => id);
}

function passes(
  { topics, author, timestamp }: Message,
  filter: { topic?: string; author_node_id?: number; since?: bigint },
): boolean {
  if (filter.since !== undefined && timestamp < filter.since) return false;
  if (filter.author_node_id !== undefined && author.pilot_node_id !== filter.author_node_id) return false;
  if (filter.topic === undefined) return true;
  return filter.topic === "all/+" ? topics.some((t) => t.startsWith("all/")) : topics.includes(filter.topic);
}

function transportAd(n: number, seq: bigint, not_after = 2_000_000_000_000n) {
  const { seed, info } = identity(n);
  const endpoints = [{ network: "tcp", addr: `192.0.2.${n}:1` }];
  return signTransportAd({ seed, group_id: GROUP, author: info, seq, endpoints, issued_at: 1n, not_after });
}

function profileAd(n: number, seq: bigint, not_after = 2_000_000_000_000n) {
  const { seed, info } = identity(n);
  return signMemberProfileAd({ seed, group_id: GROUP, author: info, seq, hostname: `h${n}`, issued_at: 1n, not_after });
}
