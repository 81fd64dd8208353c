import { describe, expect, test } from "bun:test";
import { encodeUtf8 } from "../../src/core/bytes/utf8.ts";
import { MessageId, PublicKey } from "../../src/core/ids.ts";
import { comparePlaces } from "../../src/core/order/time-place.ts";
import { isReserved } from "../../src/core/policy/topic.ts";
import { decodeMessage } from "../../src/core/record/message.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { search } from "../../src/node/operations/find.ts";
import type { RequestOf } from "../../src/node/operations/operation.ts";
import type { Moots } from "../../src/node/read/moots.ts";
import { searchMessages } from "../../src/node/read/search.ts";
import { tellStats } from "../../src/node/read/stats.ts";
import { Turns } from "../../src/node/turns.ts";
import type { GroupStore, NewMessage, StoredMessage } from "../../src/store/group-store.ts";
import { identity } from "../support/identity.ts";
import { keptMessage } from "../support/kept-message.ts";
import { GROUP, message } from "../support/message.ts";
import type { GroupStoreWorld } from "./group-store.contract.ts";

const SEED = Number(process.env.SEED ?? crypto.getRandomValues(new Uint32Array(1))[0]);
const AUTHORS = [identity(2), identity(3), identity(4)] as const;
const NOW = 1_700_000_000_000n;
const WORDS = ["one", "two", "three", "four", "naïve", "東京", "x"];
const TOPICS = [["chat"], ["chat", "news"], ["_entmoot/x"], ["_entmoot/x", "chat"], ["c++"], []];

/** What a message store finds and counts. Call inside a test file, once per driver. */
export function searchContract(name: string, makeWorld: () => GroupStoreWorld): void {
  describe(`what ${name} finds`, () => {
    test(`is what a look at each message finds, whatever came, went and moved (SEED=${SEED})`, async () => {
      using world = makeWorld();
      const random = randomOf(SEED);
      const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!;
      for (let round = 0; round < 12; round++) {
        const { messages } = random() < 0.3 ? world.reopen() : world.store;
        const batch = Array.from({ length: Math.ceil(random() * 30) }, () => written(pick, random));
        messages.putMany(batch);
        if (random() < 0.4) messages.pruneBefore(NOW + BigInt(Math.floor(random() * 20)), undefined, 20);
        if (random() < 0.4)
          messages.shed(
            all(world.store)
              .slice(0, 3)
              .map(({ id }) => id),
          );
        if (random() < 0.3) messages.settleAhead({ latest: NOW + 40n, now: NOW + 40n }, 64);
        if (random() < 0.3) messages.rejoin((key) => key === keyOf(2), 8);
        messages.restoreFrom(random() < 0.3 ? NOW : undefined);
        while (messages.search.index());
        expect(messages.search.progress()).toBeUndefined();
        for (let asked = 0; asked < 12; asked++) {
          const request = {
            query: `${pick(WORDS)}${random() < 0.5 ? ` ${pick(WORDS)}` : ""}`,
            ...(random() < 0.3 ? { topic: pick(["chat", "news", "_entmoot/x", "c++"]) } : {}),
            ...(random() < 0.2 ? { author: pick(AUTHORS).info.pilot_node_id } : {}),
            ...(random() < 0.2 ? { since: NOW + 10n } : {}),
            ...(random() < 0.2 ? { until: NOW + 25n } : {}),
            ...(random() < 0.2 ? { reserved: true } : {}),
          };
          const limit = pick([1, 2, 7, 200]);
          expect([request, await foundIn(world.store, { ...request, limit })]).toEqual([
            request,
            lookedUp(world.store, request),
          ]);
        }
        await expectCounted(world.store);
      }
    });

    test("of one millisecond is in order of author and id, however much that is", async () => {
      using world = makeWorld();
      const { messages } = world.store;
      const batch = Array.from({ length: 1300 }, (_, n) => {
        const content = encodeUtf8(`${n % 3 === 0 ? "odd " : ""}word ${n}`);
        return keptMessage(message({ by: AUTHORS[n % 3]!, timestamp: NOW, content }));
      });
      messages.putMany(batch);
      while (messages.search.index());
      for (const query of ["word", "odd word"]) {
        const found = await foundIn(world.store, { query, limit: 200 });
        expect(found).toEqual(lookedUp(world.store, { query }));
      }
    });

    test("before a millisecond that has more than are put in order is told once, whatever the order it came in", async () => {
      using world = makeWorld();
      const { messages } = world.store;
      const said = (by: (typeof AUTHORS)[number], n: number, timestamp: bigint) =>
        keptMessage(message({ by, timestamp, content: encodeUtf8(`word ${n}`) }));
      const later = [2, 0, 1, 1, 0, 2].map((by, n) => said(AUTHORS[by]!, n, NOW + 1n));
      messages.putMany([...later, ...Array.from({ length: 1300 }, (_, n) => said(AUTHORS[n % 3]!, 10 + n, NOW))]);
      while (messages.search.index());
      const found = await foundIn(world.store, { query: "word", limit: 50 });
      expect(found).toEqual(lookedUp(world.store, { query: "word" }));
    });

    test("takes the ends of time, and what lies beyond the times that have numbers", async () => {
      using world = makeWorld();
      const { messages } = world.store;
      const times = [
        -(2n ** 63n),
        -(2n ** 62n),
        -(2n ** 43n),
        -1n,
        0n,
        2n ** 42n,
        2n ** 43n,
        2n ** 62n,
        2n ** 63n - 1n,
      ];
      messages.putMany(times.map((timestamp) => keptMessage(message({ timestamp, content: encodeUtf8("word") }))));
      while (messages.search.index());
      for (const limit of [1, 3, 200]) {
        expect(await foundIn(world.store, { query: "word", limit })).toEqual(lookedUp(world.store, { query: "word" }));
      }
      const bounded = { query: "word", since: -(2n ** 62n), until: 2n ** 43n };
      expect(await foundIn(world.store, { ...bounded, limit: 2 })).toEqual(lookedUp(world.store, bounded));
    });
  });

  function written(pick: <T>(from: readonly T[]) => T, random: () => number): NewMessage {
    const content = encodeUtf8(Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(WORDS)).join(" "));
    const by = pick(AUTHORS);
    const kept = keptMessage(
      message({ by, topics: pick(TOPICS), content, timestamp: NOW + BigInt(Math.floor(random() * 50)) }),
    );
    if (by === AUTHORS[0] && random() < 0.5) return { ...kept, outsider: keyOf(2) };
    if (random() < 0.2)
      return { ...kept, ahead: { arrivedMs: NOW + BigInt(Math.floor(random() * 50)), isSure: random() < 0.5 } };
    return kept;
  }
}

function keyOf(n: number): PublicKey {
  return PublicKey.fromBytes(identity(n).publicKey);
}

/** All that is held. */
function all({ messages }: GroupStore): StoredMessage[] {
  return messages.lengthsAfter(Number.MIN_SAFE_INTEGER, 10_000).map(({ id }) => messages.get(id)!);
}

/** What a look at each message finds, newest first. */
function lookedUp(
  store: GroupStore,
  { author, query, reserved, since, topic, until }: RequestOf<typeof search>,
): string[] {
  const found = all(store).map((stored) => {
    const { author: by, content, id, timestamp, topics } = decodeMessage(stored.canonical);
    const place = { timestamp: stored.arrivedMs ?? timestamp, author_node_id: by.pilot_node_id, id };
    const words = new TextDecoder().decode(content).replaceAll("ï", "i").split(" ");
    const isMeant =
      query
        .replaceAll("ï", "i")
        .split(" ")
        .every((word) => words.includes(word)) &&
      (topic === undefined || topics.includes(topic)) &&
      (author === undefined || author === by.pilot_node_id) &&
      (since === undefined || place.timestamp >= since) &&
      (until === undefined || place.timestamp < until) &&
      (reserved || topics.length === 0 || !topics.every(isReserved) || (topic !== undefined && isReserved(topic)));
    return { place, isMeant };
  });
  return found
    .filter(({ isMeant }) => isMeant)
    .sort((a, b) => comparePlaces(b.place, a.place))
    .map(({ place }) => MessageId.toBase64(place.id));
}

/** What is found page by page. */
export async function foundIn(store: GroupStore, request: RequestOf<typeof search>): Promise<string[]> {
  const found: string[] = [];
  for (let page: string | undefined; ; ) {
    const answer = await searchMessages(mootsOf(store), { ...request, page }, { signal: new AbortController().signal });
    found.push(...answer.results.map(({ message: { id } }) => MessageId.toBase64(id)));
    if (!answer.more) return found;
    page = answer.next;
  }
}

async function expectCounted(store: GroupStore): Promise<void> {
  const held = all(store);
  const counted = await tellStats(
    mootsOf(store),
    { reserved: true, limit: 1000 },
    { signal: new AbortController().signal },
  );
  const bytes = held.reduce((sum, { canonical }) => sum + canonical.length, 0);
  expect([counted.messages, counted.bytes]).toEqual([held.length, bytes]);
  const topics = new Map<string, number>();
  for (const { canonical } of held) {
    for (const topic of new Set(decodeMessage(canonical).topics)) topics.set(topic, (topics.get(topic) ?? 0) + 1);
  }
  expect(new Map(counted.topics.map(({ messages, topic }) => [topic, messages]))).toEqual(topics);
  expect(counted.steps.reduce((sum, { messages }) => sum + messages, 0)).toBe(held.length);
}

function mootsOf(store: GroupStore): Moots {
  const moot = { id: GROUP, store } as unknown as ReturnType<Moots["moots"]>[number];
  return {
    moots: () => [moot],
    moot: () => moot,
    unopened: () => new Map(),
    clock: realClock,
    changed: undefined,
    turns: new Turns(realClock),
  };
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
