import { join } from "node:path";
import { SqliteNodeStore } from "../../../src/store/sqlite/sqlite-node-store.ts";
import { type NodeStoreWorld, nodeStoreContract } from "../../contract/node-store.contract.ts";
import { TemporaryDirectory } from "../../support/temporary-directory.ts";

nodeStoreContract("SQLite", () => new SqliteWorld());

class SqliteWorld implements NodeStoreWorld {
  readonly directory = new TemporaryDirectory();
  /** Every change is a sync of the disk, which takes what it takes. */
  readonly limits = { links: 20, hintPeers: 20 };
  store = this.#open();

  reopen(): SqliteNodeStore {
    this.store[Symbol.dispose]();
    this.store = this.#open();
    return this.store;
  }

  [Symbol.dispose](): void {
    this.store[Symbol.dispose]();
    this.directory[Symbol.dispose]();
  }

  #open(): SqliteNodeStore {
    return new SqliteNodeStore(join(this.directory.path, "node.sqlite"), "write", { limits: this.limits });
  }
}
