import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../../src/core/ids.ts";
import { groupDirectoryName } from "../../../src/store/group-directory.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { type DataRootWorld, dataRootContract } from "../../contract/data-root.contract.ts";
import { mailboxStoreContract } from "../../contract/mailbox-store.contract.ts";
import { expectCode } from "../../support/expect-code.ts";
import { identity } from "../../support/identity.ts";
import { keptMessage } from "../../support/kept-message.ts";
import { GROUP, message } from "../../support/message.ts";
import { roster } from "../../support/roster.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

dataRootContract("SQLite", () => new SqliteWorld());
mailboxStoreContract("SQLite", () => new SqliteWorld());

class SqliteWorld implements DataRootWorld {
  readonly directory = new TemporaryDirectory();
  readonly path = join(this.directory.path, "root");
  root = SqliteDataRoot.open(this.path, "write");

  reopen(): SqliteDataRoot {
    this.root[Symbol.dispose]();
    this.root = SqliteDataRoot.open(this.path, "write");
    return this.root;
  }

  [Symbol.dispose](): void {
    this.root[Symbol.dispose]();
    this.directory[Symbol.dispose]();
  }
}

const LOG = roster([identity(1)]).entries;

describe("a data root on disk", () => {
  test("everything in it is for its owner alone, the log and index files too", () => {
    using world = new SqliteWorld();
    const store = world.root.createGroup(GROUP);
    store.roster.append(LOG);
    store.messages.putMany([keptMessage(message())]);
    for (const name of ["", ...readdirSync(world.path, { recursive: true, encoding: "utf8" })]) {
      const stat = statSync(join(world.path, name));
      expect(`${name} ${(stat.mode & 0o777).toString(8)}`).toBe(`${name} ${stat.isDirectory() ? "700" : "600"}`);
    }
    const files = readdirSync(join(world.path, "groups", groupDirectoryName(GROUP))).sort();
    expect(files).toEqual(["moot.sqlite", "moot.sqlite-shm", "moot.sqlite-wal"]);
  });

  test("loose permissions are tightened, and a person is told", () => {
    using world = new SqliteWorld();
    world.root.createGroup(GROUP).roster.append(LOG);
    world.root[Symbol.dispose]();
    const database = join(world.path, "groups", groupDirectoryName(GROUP), "moot.sqlite");
    writeFileSync(join(world.path, "esp.sqlite"), "");
    for (const path of [world.path, join(world.path, "groups")]) chmodSync(path, 0o755);
    for (const path of [database, join(world.path, "esp.sqlite")]) chmodSync(path, 0o644);
    const { notices } = world.reopen();
    for (const path of [database, join(world.path, "esp.sqlite")]) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(notices).toContain(`${path}: was open to others (mode 0644); it is 0600 now`);
    }
    expect(statSync(world.path).mode & 0o777).toBe(0o700);
    expect(notices).toContain(
      `${world.path}: was open to others (mode 0755); it is 0700 now, so no other user comes to what is in it`,
    );
    expect(notices.length).toBe(4);
  });

  test("a group that was left out and is made anew is left out no more", () => {
    using world = new SqliteWorld();
    const path = join(world.path, "groups", groupDirectoryName(GROUP));
    mkdirSync(path);
    writeFileSync(join(path, "moot.sqlite"), "");
    expect(world.root.groupIds()).toEqual([]);
    expect([...world.root.leftOut.keys()]).toEqual([GROUP]);
    world.root.createGroup(GROUP).roster.append(LOG);
    expect([...world.root.leftOut.keys()]).toEqual([]);
    expect(world.root.groupIds()).toEqual([GROUP]);
  });

  test("directories that are no group's are skipped and named", () => {
    using world = new SqliteWorld();
    for (const name of ["not-a-group", `${groupDirectoryName(GROUP)}x`, `${groupDirectoryName(GROUP).slice(0, -1)}B`]) {
      mkdirSync(join(world.path, "groups", name));
    }
    mkdirSync(join(world.path, "groups", groupDirectoryName(GROUP)));
    expect(world.root.groupIds()).toEqual([]);
    expect(world.root.notices.length).toBe(3);
    expect(world.root.groupIds()).toEqual([]);
    expect(world.root.notices.length).toBe(3);
  });

  test("a lookup creates no file, and reading an empty place is refused", () => {
    using directory = new TemporaryDirectory();
    const before = readdirSync(directory.path);
    {
      using root = SqliteDataRoot.open(directory.path, "read");
      expect(root.groupIds()).toEqual([]);
      expect(root.openGroup(GROUP)).toBeUndefined();
      expect(root.node.getSetting("x")).toBeUndefined();
      expectCode("unavailable", () => root.createGroup(GROUP));
      expectCode("unavailable", () => root.discardGroup(GROUP));
    }
    expect(readdirSync(directory.path)).toEqual(before);
    expectCode("data_root_invalid", () => SqliteDataRoot.open(join(directory.path, "none"), "read"));
    expect(existsSync(join(directory.path, "none"))).toBeFalse();
  });

  test("what was begun of a moot and is none yet is no fault to a reader, and goes at the next start", () => {
    using world = new SqliteWorld();
    world.root.createGroup(GROUP);
    for (const _ of ["while it is being made", "once its maker was ended"]) {
      using reading = SqliteDataRoot.open(world.path, "read");
      expect([reading.groupIds(), [...reading.leftOut.keys()]]).toEqual([[], []]);
      world.root[Symbol.dispose]();
    }
    expect(world.reopen().groupIds()).toEqual([]);
    expect(readdirSync(join(world.path, "groups"))).toEqual([]);
    expect([...world.root.leftOut.keys()]).toEqual([]);
  });

  test("a reader beside the writer sees what is committed, in order, and cannot write", () => {
    using world = new SqliteWorld();
    const writer = world.root.createGroup(GROUP);
    writer.roster.append(LOG);
    const sent = Array.from({ length: 6 }, (_, i) => message({ timestamp: BigInt(10 * (6 - i)) }));
    writer.messages.putMany(sent.slice(0, 2).map(keptMessage));
    using reading = SqliteDataRoot.open(world.path, "read");
    const reader = reading.openGroup(GROUP)!;
    for (const until of [2, 4, 6]) {
      writer.messages.putMany(sent.slice(0, until).map(keptMessage));
      expect(reader.messages.size).toBe(until);
      expect(reader.messages.merkleRoot()).toBe(writer.messages.merkleRoot());
      expect(reader.messages.nextParents()).toEqual(writer.messages.nextParents());
    }
    writer.messages.pruneBefore(30n);
    expect(reader.messages.merkleRoot()).toBe(writer.messages.merkleRoot());
    expect(reader.messages.size).toBe(4);
    expectCode("unavailable", () => reader.messages.putMany([keptMessage(message())]));
    expectCode("unavailable", () => reader.setFact("x", "y"));
  });

  test("a place that cannot be a data root is refused with its path", () => {
    using directory = new TemporaryDirectory();
    const file = join(directory.path, "file");
    writeFileSync(file, "x");
    symlinkSync(join(directory.path, "nowhere"), join(directory.path, "dangling"));
    for (const access of ["read", "write"] as const) {
      for (const path of [file, join(file, "below"), "", "a\0b"]) {
        const { message } = expectCode("data_root_invalid", () => SqliteDataRoot.open(path, access));
        if (path.startsWith("/")) expect(message).toContain(file);
      }
    }
    mkdirSync(join(directory.path, "root"));
    writeFileSync(join(directory.path, "root", "groups"), "x");
    expectCode("data_root_invalid", () => SqliteDataRoot.open(join(directory.path, "root"), "write"));
  });

  test("one damaged group is told and left out; the others are there", () => {
    using world = new SqliteWorld();
    const other = GroupId.fromBytes(new Uint8Array(32).fill(7));
    for (const id of [GROUP, other]) world.root.createGroup(id).roster.append(LOG);
    world.root[Symbol.dispose]();
    const path = join(world.path, "groups", groupDirectoryName(GROUP), "moot.sqlite");
    writeFileSync(path, "this is not a database, whatever its name says".repeat(20));
    world.reopen();
    expect(world.root.groupIds()).toEqual([other]);
    expect(world.root.notices.join("\n")).toContain(`${path}: not a sound SQLite database`);
    expectCode("data_root_invalid", () => world.root.openGroup(GROUP));
  });

  test("a database of a newer version is refused, and left as it is", () => {
    using world = new SqliteWorld();
    world.root.createGroup(GROUP).roster.append(LOG);
    world.root[Symbol.dispose]();
    const path = join(world.path, "groups", groupDirectoryName(GROUP), "moot.sqlite");
    {
      using database = new Database(path);
      database.run("PRAGMA user_version = 99");
    }
    world.reopen();
    const { message } = expectCode("data_root_invalid", () => world.root.openGroup(GROUP));
    expect(message).toContain("version 99");
    using database = new Database(path, { readonly: true });
    expect(database.query("PRAGMA user_version").values()).toEqual([[99]]);
  });

  test("rows changed by hand are refused with file, table and row", () => {
    const damages: [sql: string, table: string, read: (root: SqliteDataRoot) => unknown][] = [
      [
        "UPDATE messages SET id = x'0102'",
        "messages, row 1",
        (root) => root.openGroup(GROUP)!.messages.arrivedAfter(0, 9),
      ],
      ["UPDATE messages SET parents = x'01'", "messages", (root) => root.openGroup(GROUP)!.messages.merkleRoot()],
      ["UPDATE messages SET author = -4", "messages", (root) => root.openGroup(GROUP)!.messages.merkleRoot()],
      ["UPDATE messages SET canonical = x'7b'", "messages, row 1", (root) => root.openGroup(GROUP)!.messages.latest(1)],
      [
        "UPDATE messages SET canonical = x''",
        "messages, row 1",
        (root) => root.openGroup(GROUP)!.messages.get(message().id),
      ],
      ["UPDATE counts SET pruned = -1", "counts, row 1", (root) => root.openGroup(GROUP)!.messages.size],
      ["UPDATE roster SET canonical = x'7b7d'", "roster, row 1", (root) => root.openGroup(GROUP)!.roster.entries()],
      ["UPDATE roster SET position = 3", "roster, row 3", (root) => root.openGroup(GROUP)!.roster.entries()],
      [
        "UPDATE consumers SET cursor = -7",
        'consumers, row "c"',
        (root) => root.openGroup(GROUP)!.consumers.cursor("c"),
      ],
    ];
    for (const [sql, place, read] of damages) {
      using world = new SqliteWorld();
      const store = world.root.createGroup(GROUP);
      store.roster.append(LOG);
      store.messages.putMany([keptMessage(message())]);
      store.consumers.advance("c", 1);
      world.root[Symbol.dispose]();
      const path = join(world.path, "groups", groupDirectoryName(GROUP), "moot.sqlite");
      {
        using database = new Database(path);
        database.run(sql);
      }
      world.reopen();
      const { message: words } = expectCode("data_root_invalid", () => read(world.root));
      expect(words).toContain(`${path}: table ${place}`);
    }
  });
});
