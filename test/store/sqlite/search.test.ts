import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { SearchMarks } from "../../../src/store/sqlite/search-marks.ts";
import { TERMS_VERSION, termsVersion } from "../../../src/store/sqlite/search-terms.ts";
import { type Access, SqliteFile } from "../../../src/store/sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { SqliteMessageStore } from "../../../src/store/sqlite/sqlite-message-store.ts";
import { foundIn, searchContract } from "../../contract/search.contract.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

searchContract("SQLite without FTS5", () => {
  const world = new FileWorld();
  let store = world.open({ fullText: false });
  return {
    get store() {
      return store;
    },
    reopen() {
      store[Symbol.dispose]();
      store = world.open({ fullText: false });
      return store;
    },
    [Symbol.dispose]() {
      store[Symbol.dispose]();
      world[Symbol.dispose]();
    },
  };
});

const said = (from: number, count: number, words = "word") =>
  Array.from({ length: count }, (_, n) =>
    keptMessage(message({ timestamp: BigInt(from + n), content: encodeUtf8(`${words} ${from + n}`) })),
  );

test("what was there before there was an index is taken in newest first, with how far it is, also across starts", () => {
  using world = new FileWorld();
  {
    using old = world.open({ migrations: 9 });
    for (const { author_node_id, canonical, id, timestamp } of said(1, 600)) {
      old.file.exec(
        `INSERT INTO messages (id, author, timestamp, parents, canonical) VALUES (x'${id}', ${author_node_id}, ${timestamp}, x'', x'${canonical.toHex()}')`,
      );
    }
  }
  {
    using store = world.open();
    const { search } = store.messages;
    expect(search.progress()).toEqual({ done: 0, of: 600 });
    expect(search.isBehind).toBeTrue();
    expect(store.messages.putMany(said(1001, 2))).toEqual([601, 602]);
    expect(search.index()).toBeTrue();
    expect(search.progress()!.done).toBeLessThan(600);
    expect(seqs(store, 3)).toEqual([602, 601, 600]);
    // Who only reads does not wait for it: it finds all by looking at each.
    using reading = world.open({ access: "read" });
    expect([reading.messages.search.isIndexed, reading.messages.search.progress()]).toEqual([false, undefined]);
    expect(all(reading)).toBe(602);
  }
  using store = world.open();
  const before = store.messages.search.progress()!.done;
  expect(before).toBeGreaterThan(0);
  while (store.messages.search.index());
  expect([store.messages.search.progress(), store.messages.search.isBehind]).toEqual([undefined, false]);
  expect(all(store)).toBe(602);
  expect(store.messages.pruneBefore(500n)).toBeGreaterThan(0);
  while (store.messages.pruneBefore(500n) > 0);
  expect(all(store)).toBe(103);
});

test("messages with more words than one commit takes in are found after the next steps", () => {
  using world = new FileWorld();
  using store = world.open();
  const many = Array.from({ length: 12_000 }, (_, n) => `w${n}`).join(" ");
  store.messages.putMany([...said(1, 3, many), ...said(10, 1)]);
  expect(store.messages.search.isBehind).toBeTrue();
  expect(store.messages.search.progress()).toBeDefined();
  while (store.messages.search.index());
  expect(seqs(store, 9, "w9000")).toEqual([3, 2, 1]);
  expect(seqs(store, 9, "word")).toEqual([4]);
});

test("of many words the index is asked for the longest, and what is found has all of them", async () => {
  using world = new FileWorld();
  using store = world.open();
  const words = Array.from({ length: 30 }, (_, n) => (n < 22 ? `s${n}` : `longer${n}`));
  store.messages.putMany([...said(1, 1, words.join(" ")), ...said(2, 1, words.slice(22).join(" "))]);
  while (store.messages.search.index());
  const asked = (terms: string[]) =>
    store.messages.search.candidates({ terms, reserved: false, limit: 9 }).found.length;
  expect([asked(words), asked(words.slice(0, 8)), asked([...words, "no"])]).toEqual([2, 1, 2]);
  expect(await foundIn(store, { query: words.join(" "), limit: 9 })).toHaveLength(1);
});

test("what a program without FTS5 wrote makes the index anew", () => {
  using world = new FileWorld();
  {
    using store = world.open();
    store.messages.putMany(said(1, 5));
    while (store.messages.search.index());
  }
  {
    using store = world.open({ fullText: false });
    store.messages.putMany(said(100, 5));
    expect(all(store)).toBe(10);
    while (store.messages.pruneBefore(3n) > 0);
  }
  using store = world.open();
  expect(store.messages.search.progress()).toMatchObject({ done: 0 });
  while (store.messages.search.index());
  expect(all(store)).toBe(8);
  expect(store.messages.search.isIndexed).toBeTrue();
});

test("an index whose words were cut by other tables of letters is made anew", () => {
  const here = { rules: 1, unicode: "17.0", system: "" };
  const others = [
    { ...here, rules: 2 },
    { ...here, unicode: "18.0" },
    { ...here, system: "25.1.0" },
  ];
  expect(new Set([here, ...others].map(termsVersion)).size).toBe(4);
  expect(TERMS_VERSION).not.toBe(termsVersion({ rules: 1, unicode: "15.1", system: "" }));
  using world = new FileWorld();
  {
    using store = world.open();
    store.messages.putMany(said(1, 5));
    while (store.messages.search.index());
    store.file.exec(`UPDATE search_state SET terms = ${termsVersion({ rules: 1, unicode: "15.1", system: "" })}`);
  }
  using store = world.open();
  expect(store.messages.search.progress()).toMatchObject({ done: 0, of: 5 });
  expect(all(store)).toBe(5);
  while (store.messages.search.index());
  expect([store.messages.search.isIndexed, all(store)]).toEqual([true, 5]);
});

test("parts of the index are made one once they are many, step by step, and the same is found", () => {
  using world = new FileWorld();
  using store = world.open();
  const { search } = store.messages;
  while (search.index());
  const words = `word ${Array.from({ length: 60 }, (_, n) => `w${n}`).join(" ")}`;
  for (let first = 1; first < 6000; first += 100) store.messages.putMany(said(first, 100, words));
  const before = seqs(store, 100);
  expect(partsOf(world)).toBeGreaterThan(3);
  expect(search.isBehind).toBeTrue();
  do {
    expect(seqs(store, 100)).toEqual(before);
    expect(search.progress()).toBeUndefined();
  } while (search.index());
  expect(partsOf(world)).toBe(1);
  store.messages.putMany(said(7000, 100));
  expect(search.isBehind).toBeFalse();
  expect(search.index()).toBeFalse();
  expect(partsOf(world)).toBe(2);
});

test("marks tell how far down so many messages lie, found anew once many have come", () => {
  using world = new FileWorld();
  using store = world.open();
  store.messages.putMany(said(1, 200));
  using file = world.file();
  const marks = new SearchMarks(file, { every: 8, staleAfter: 50 });
  const docs = () =>
    file
      .prepare("SELECT doc FROM search_docs ORDER BY doc DESC", "bigint")
      .rows()
      .map(([doc]) => doc as bigint);
  const between = (top: bigint, below: bigint | undefined) =>
    docs().filter((doc) => doc < top && (below === undefined || doc >= below)).length;
  for (const top of [docs()[0]! + 1n, docs()[3]!, docs()[100]!]) {
    expect(Math.abs(between(top, marks.below(top, 16)) - 16)).toBeLessThan(8);
  }
  expect(marks.below(docs()[195]!, 16)).toBeUndefined();
  const top = 2n ** 62n;
  expect(between(top, marks.below(top, 16))).toBe(16);
  store.messages.putMany(said(201, 40));
  expect(between(top, marks.below(top, 16))).toBe(56);
  store.messages.putMany(said(241, 40));
  expect(between(top, marks.below(top, 16))).toBe(16);
});

function partsOf(world: FileWorld): number {
  using file = world.file();
  return Number(file.prepare("SELECT count(DISTINCT segid) FROM search_terms_idx").row()![0]);
}

function seqs({ messages }: SqliteGroupStore, limit: number, word = "word"): number[] {
  return messages.search.candidates({ terms: [word], reserved: false, limit }).found.map(({ seq }) => seq);
}

function all(store: SqliteGroupStore): number {
  let [count, from] = [0, undefined as ReturnType<typeof store.messages.search.candidates>["rest"]];
  do {
    const asked = { terms: ["word"], reserved: false, limit: 100, ...(from === undefined ? {} : { from }) };
    const piece = store.messages.search.candidates(asked);
    count += piece.found.length;
    from = piece.rest;
  } while (from !== undefined);
  return count;
}

class FileWorld implements Disposable {
  readonly #directory = new TemporaryDirectory();

  open({ access = "write", fullText, migrations }: { access?: Access; fullText?: boolean; migrations?: number } = {}) {
    const path = join(this.#directory.path, "moot.sqlite");
    const shapes = GROUP_MIGRATIONS.slice(0, migrations);
    const file = SqliteFile.open(path, { label: "group database", migrations: shapes, access });
    return new SqliteGroupStore(GROUP, file, {
      messages: new SqliteMessageStore(file, fullText === undefined ? {} : { fullText }),
    });
  }

  file(): SqliteFile {
    const path = join(this.#directory.path, "moot.sqlite");
    return SqliteFile.open(path, { label: "group database", migrations: GROUP_MIGRATIONS, access: "read" });
  }

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}
