import type { DiskRoom } from "../disk-room.ts";
import type { NodeStore } from "../node-store.ts";
import { NODE_STORE_LIMITS } from "../store-limits.ts";
import { NODE_0001 } from "./migrations/0001-node.ts";
import type { OpeningWait } from "./opening-wait.ts";
import { SqliteFactStore } from "./sqlite-fact-store.ts";
import { type Access, SqliteFile } from "./sqlite-file.ts";
import { SqliteHintStore } from "./sqlite-hint-store.ts";
import { SqliteLinkStore } from "./sqlite-link-store.ts";

/** Every shape the node's database has had; never change one, add the next. */
const NODE_MIGRATIONS = [NODE_0001];

/** What the node keeps beside its groups, in `node.sqlite`. */
export class SqliteNodeStore implements NodeStore {
  readonly links: SqliteLinkStore;
  readonly hints: SqliteHintStore;
  readonly #file: SqliteFile;
  readonly #settings: SqliteFactStore;

  /** `path` is made if it is not there. `patience`: a process that starts can do nothing without it. `room` is told what cannot be written. */
  constructor(
    path: string,
    access: Access,
    {
      limits = NODE_STORE_LIMITS,
      patience,
      room,
    }: { limits?: typeof NODE_STORE_LIMITS; patience?: OpeningWait; room?: DiskRoom } = {},
  ) {
    this.#file = SqliteFile.open(path, {
      label: "node database",
      migrations: NODE_MIGRATIONS,
      access,
      room,
      ...(patience === undefined ? {} : { patience }),
    });
    this.links = new SqliteLinkStore(this.#file, limits.links);
    this.hints = new SqliteHintStore(this.#file, limits.hintPeers);
    this.#settings = new SqliteFactStore(this.#file, "settings");
  }

  getSetting(name: string): string | undefined {
    return this.#settings.get(name);
  }

  setSetting(name: string, value: string | undefined): void {
    this.#settings.set(name, value);
  }

  requireSame(): void {
    this.#file.requireSame();
  }

  isWritable(): boolean {
    return this.#file.isWritable();
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
