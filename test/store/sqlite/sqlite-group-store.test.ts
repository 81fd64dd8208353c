import { join } from "node:path";
import type { Access } from "../../../src/store/sqlite/sqlite-file.ts";
import { SqliteGroupStore } from "../../../src/store/sqlite/sqlite-group-store.ts";
import { type GroupStoreWorld, groupStoreContract } from "../../contract/group-store.contract.ts";
import { GROUP } from "../../support/message.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

groupStoreContract("SQLite", () => new SqliteWorld());

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
