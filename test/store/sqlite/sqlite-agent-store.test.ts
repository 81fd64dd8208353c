import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { GroupId, MessageId } from "../../../src/core/ids.ts";
import { newDelivery } from "../../../src/machine/delivery.ts";
import type { LedgerRow } from "../../../src/store/agent-store.ts";
import { SqliteAgentStore } from "../../../src/store/sqlite/sqlite-agent-store.ts";
import { SqliteDataRoot } from "../../../src/store/sqlite/sqlite-data-root.ts";
import { type AgentStoreWorld, agentStoreContract, FEW } from "../../contract/agent-store.contract.ts";
import { expectCode } from "../../support/expect-code.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

agentStoreContract("SQLite", () => new SqliteWorld());

class SqliteWorld implements AgentStoreWorld {
  readonly #directory = new TemporaryDirectory();
  store = this.#open();

  reopen(): SqliteAgentStore {
    this.store[Symbol.dispose]();
    this.store = this.#open();
    return this.store;
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
    this.#directory[Symbol.dispose]();
  }

  #open(): SqliteAgentStore {
    return new SqliteAgentStore(join(this.#directory.path, "agents.sqlite"), "write", { limits: FEW });
  }
}

const GROUP = GroupId.fromBytes(new Uint8Array(32).fill(1));
const PLACE = { done: "d", looked: "l", historyMs: 0 };

test("a data root has none until somebody asks for it; then it is its owner's alone", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "data");
  using root = SqliteDataRoot.open(path, "write");
  expect(root.hasAgents()).toBeFalse();
  {
    using reader = SqliteDataRoot.open(path, "read");
    expect(reader.agents().moot(GROUP)).toBeUndefined();
  }
  expect(existsSync(join(path, "agents.sqlite"))).toBeFalse();
  root.agents().change((to) => to.setMoot(GROUP, PLACE));
  expect(root.hasAgents()).toBeTrue();
  expect(statSync(join(path, "agents.sqlite")).mode & 0o777).toBe(0o600);
});

test("who only looks sees what the holder of the lock has written, and writes nothing", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "data");
  using root = SqliteDataRoot.open(path, "write");
  root.agents().change((to) => to.setMoot(GROUP, PLACE));
  using reader = SqliteDataRoot.open(path, "read");
  expect(reader.agents().moot(GROUP)).toEqual(PLACE);
  root.agents().change((to) => to.setMoot(GROUP, { ...PLACE, done: "later" }));
  expect(reader.agents().moot(GROUP)?.done).toBe("later");
  expectCode("unavailable", () => reader.agents().change((to) => to.setMoot(GROUP, PLACE)));
});

test("one that was removed is a fault of the data root, and takes no more writes", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "data");
  using root = SqliteDataRoot.open(path, "write");
  root.agents().change((to) => to.setMoot(GROUP, PLACE));
  rmSync(join(path, "agents.sqlite"));
  expect(root.look({ again: false }).faults).toMatchObject([{ code: "data_root_invalid" }]);
  expectCode("data_root_invalid", () => root.agents().change((to) => to.setMoot(GROUP, PLACE)));
});

test("a row that a version of before kept has no host noted, and keeps all else", () => {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "agents.sqlite");
  const row: LedgerRow = {
    ...newDelivery({ asks: true, untilMs: 9 }, 5),
    state: "handed",
    groupId: GROUP,
    messageId: MessageId.zero,
    seq: 3,
    author: undefined,
    handedTo: { host: "claude", instance: "home", agent: "claude 1" },
  };
  {
    using store = new SqliteAgentStore(path, "write", { limits: FEW });
    store.change((to) => to.putRow(row));
  }
  {
    using database = new Database(path);
    for (const name of ["host", "instance", "agent"]) database.run(`ALTER TABLE ledger DROP COLUMN ${name}`);
    database.run("PRAGMA user_version = 2");
  }
  using store = new SqliteAgentStore(path, "write", { limits: FEW });
  expect(store.held()).toEqual([{ ...row, handedTo: undefined }]);
});
