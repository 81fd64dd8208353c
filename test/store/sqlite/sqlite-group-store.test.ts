import { expect, test } from "bun:test";
import { join } from "node:path";
import { MessageId } from "../../../src/core/ids.ts";
import { merkleRoot } from "../../../src/core/order/merkle-tree.ts";
import { GROUP_0001 } from "../../../src/store/sqlite/migrations/0001-group.ts";
import { type Access, SqliteFile } from "../../../src/store/sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { aheadContract } from "../../contract/ahead.contract.ts";
import { apartContract } from "../../contract/apart.contract.ts";
import { type GroupStoreWorld, groupStoreContract } from "../../contract/group-store.contract.ts";
import { searchContract } from "../../contract/search.contract.ts";
import { shedContract } from "../../contract/shed.contract.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

groupStoreContract("SQLite", () => new SqliteWorld());
apartContract("SQLite", () => new SqliteWorld());
aheadContract("SQLite", () => new SqliteWorld());
shedContract("SQLite", () => new SqliteWorld());
searchContract("SQLite", () => new SqliteWorld());

test("what another connection stored counts at once, also a child that waits for its parent", () => {
  using world = new SqliteWorld();
  using other = world.open();
  const [first, parent, last] = [1n, 300n, 400n].map((timestamp) => keptMessage(message({ timestamp })));
  const child = keptMessage(message({ timestamp: 200n, parents: [parent!.id] }));
  expect(world.store.messages.putMany([first!])).toEqual([1]);
  expect(other.messages.putMany([child])).toEqual([2]);
  // Looked at in between, so that the change is known and the child's note is not.
  expect([world.store.messages.size, world.store.messages.lastSeq()]).toEqual([2, 2]);
  expect(world.store.messages.putMany([child, parent!])).toEqual([undefined, 3]);
  expect(other.messages.putMany([last!])).toEqual([4]);
  const order = [first!, parent!, child, last!].map(({ id }) => id);
  for (const { messages } of [world.store, other]) {
    expect(messages.size).toBe(4);
    expect(messages.nextParents()).toEqual(order.slice(1));
    expect(messages.merkleRoot()).toBe(merkleRoot(order));
  }
});

for (const isReopened of [false, true]) {
  const when = isReopened ? "and the store was opened again" : "in one go";
  test(`a parent that comes after its child is noticed while more are awaited than are known by heart, ${when}`, () => {
    using world = new SqliteWorld();
    const parent = keptMessage(message({ timestamp: 3000n }));
    const child = keptMessage(message({ timestamp: 2000n, parents: [parent.id] }));
    const others = Array.from({ length: 1100 }, (_, n) => {
      const absent = MessageId.fromHex((n + 1).toString(16).padStart(64, "0"));
      return { ...keptMessage(message({ timestamp: BigInt(n) })), parents: [absent] };
    });
    world.store.messages.putMany([child, ...others]);
    const store = isReopened ? world.reopen() : world.store;
    store.messages.putMany([parent]);
    expect(store.messages.nextParents().at(-1)).toBe(child.id);
  });
}

class SqliteWorld implements GroupStoreWorld {
  readonly directory = new TemporaryDirectory();
  readonly path = join(this.directory.path, "moot.sqlite");
  store = this.open();

  open(access: Access = "write"): SqliteGroupStore {
    return SqliteGroupStore.open(this.path, { groupId: GROUP, access });
  }

  reopen(): SqliteGroupStore {
    this.store[Symbol.dispose]();
    this.store = this.open();
    return this.store;
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
    this.directory[Symbol.dispose]();
  }
}

test("a database from before logs had an id gets one that stays, and what it holds keeps its numbers", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "moot.sqlite");
  const id = MessageId.fromBytes(new Uint8Array(32).fill(7));
  {
    using old = SqliteFile.open(path, { label: "group database", migrations: [GROUP_0001], access: "write" });
    old.exec(`INSERT INTO messages VALUES (3, x'${id}', 1, 1, x'', x'00')`);
  }
  const logs = new Set<string>();
  for (const access of ["read", "write", "read"] as const) {
    using store = SqliteGroupStore.open(path, { groupId: GROUP, access });
    logs.add(store.messages.logId());
    // Which message had a number before is not known of those that were pruned then.
    expect([1, 2, 3].map((seq) => store.messages.idAt(seq))).toEqual([undefined, undefined, id]);
  }
  expect(logs.size).toBe(1);
});

test("what came back, or went, is no reason to load the whole order for good: the next opening knows that it ascends", () => {
  using world = new SqliteWorld();
  const isInverted = () => {
    world.store[Symbol.dispose]();
    using file = SqliteFile.open(world.path, {
      label: "group database",
      migrations: GROUP_MIGRATIONS,
      access: "write",
    });
    const [[inverted] = []] = file.prepare("SELECT inverted FROM counts").rows();
    world.store = world.open();
    return inverted === 1;
  };
  const [old, next] = [message({ timestamp: 5n }), message({ timestamp: 50n })];
  world.store.messages.putMany([old, next].map(keptMessage));
  world.store.messages.pruneBefore(10n);
  world.store.messages.restoreFrom(1n);
  world.store.messages.putMany([keptMessage(old)]);
  // While it is not known, nobody notes which parents a child waits for.
  const late = message({ timestamp: 90n });
  const child = message({ timestamp: 70n, parents: [late.id] });
  world.store.messages.putMany([keptMessage(child)]);
  expect(isInverted()).toBe(true);
  // Whoever publishes loads the order.
  expect(world.store.messages.nextParents()).toEqual([old.id, next.id, child.id]);
  expect(isInverted()).toBe(false);
  expect(world.store.messages.nextParents()).toEqual([old.id, next.id, child.id]);
  // The parent sorts behind its child: the order is another than that of time from now on.
  world.store.messages.putMany([keptMessage(late)]);
  expect(world.store.messages.nextParents()).toEqual([next.id, late.id, child.id]);
  expect(isInverted()).toBe(true);
  world.store.messages.nextParents();
  expect(isInverted()).toBe(true);
  // Without the child it is that of time again.
  world.store.messages.pruneBefore(80n);
  world.store.messages.nextParents();
  expect(isInverted()).toBe(false);
});

test("what went before it was kept how old it was may come back, and holds nothing up", () => {
  using world = new SqliteWorld();
  const [old, fresh] = [5n, 50n].map((timestamp) => keptMessage(message({ timestamp })));
  world.store.messages.putMany([old!, fresh!]);
  world.store.messages.pruneBefore(100n);
  {
    using file = SqliteFile.open(world.path, {
      label: "group database",
      migrations: GROUP_MIGRATIONS,
      access: "write",
    });
    file.exec("DELETE FROM pruned_times");
  }
  const { messages } = world.reopen();
  expect([messages.pruned, messages.latestPruned()]).toEqual([2, undefined]);
  messages.restoreFrom(10n);
  expect(messages.unknown([old!.id, fresh!.id])).toEqual([old!.id, fresh!.id]);
  expect(messages.putMany([old!, fresh!])).toEqual([undefined, 2]);
});
