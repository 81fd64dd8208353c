import { expect, test } from "bun:test";
import { join } from "node:path";
import { encodeUtf8 } from "../../../src/core/bytes/utf8.ts";
import { type Access, SqliteFile } from "../../../src/store/sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { SqliteMessageStore } from "../../../src/store/sqlite/sqlite-message-store.ts";
import { searchContract } from "../../contract/search.contract.ts";
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

  [Symbol.dispose](): void {
    this.#directory[Symbol.dispose]();
  }
}
