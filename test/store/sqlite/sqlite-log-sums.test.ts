import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import type { MessageId } from "../../../src/core/ids.ts";
import { addToSum } from "../../../src/core/place.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

const MESSAGES = Array.from({ length: 500 }, (_, at) => keptMessage(message({ timestamp: BigInt(at + 1) })));
const SUMS = sumsOf(MESSAGES.map(({ id }) => id));

function sumsOf(ids: readonly MessageId[]): number[] {
  const sums = [0];
  for (const id of ids) sums.push(addToSum(sums.at(-1)!, id));
  return sums;
}

function open(path: string): SqliteGroupStore {
  return SqliteGroupStore.open(path, { groupId: GROUP, access: "write" });
}

function change(path: string, ...sql: string[]): void {
  using database = new Database(path);
  for (const statement of sql) database.run(statement);
}

const found = ({ messages }: SqliteGroupStore) => SUMS.map((_, seq) => messages.sumAt(seq));

test("a place deep in a log is told without reading the ids before it", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "moot.sqlite");
  {
    using store = open(path);
    store.messages.putMany(MESSAGES);
  }
  // Whoever reads one of these fails.
  change(path, "UPDATE messages SET id = CAST(seq AS BLOB) WHERE seq <= 400");
  using store = open(path);
  for (const seq of [500, 499, 470, 449]) expect(store.messages.sumAt(seq)).toBe(SUMS[seq]!);
  expect(() => store.messages.sumAt(10)).toThrow("messages");
});

test("a database from before the sums gets them, of what is held and of what was pruned", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "moot.sqlite");
  {
    using store = open(path);
    store.messages.putMany(MESSAGES.slice(0, 450));
    store.messages.pruneBefore(200n);
  }
  change(path, "DROP TABLE log_sums", "PRAGMA user_version = 3");
  {
    using store = open(path);
    store.messages.putMany(MESSAGES.slice(450));
    expect(found(store)).toEqual(SUMS);
  }
  const rows = () => {
    using database = new Database(path, { readonly: true });
    return database.query("SELECT seq, sum FROM log_sums ORDER BY seq").values();
  };
  expect(rows()).toEqual([64, 128, 192, 256, 320, 384, 448].map((seq) => [seq, SUMS[seq]!]));
  change(path, GROUP_MIGRATIONS.at(-1)!.sql);
  expect(rows()).toEqual([64, 128, 192, 256, 320, 384, 448].map((seq) => [seq, SUMS[seq]!]));
});

test("without any sum kept each is still right", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "moot.sqlite");
  {
    using store = open(path);
    store.messages.putMany(MESSAGES);
  }
  change(path, "DELETE FROM log_sums WHERE seq <> 128");
  using store = open(path);
  expect(found(store)).toEqual(SUMS);
});
