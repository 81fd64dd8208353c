import type { Sql, SqliteFile } from "../sqlite/sqlite-file.ts";
import type { Unverified } from "./original-messages.ts";

/** The table of messages that did not verify: kept for people to look at, never shown or served. */
export class Aside {
  readonly #file: SqliteFile;
  readonly #insert: Sql;
  readonly #of: Sql;
  readonly #delete: Sql;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#insert = file.prepare("INSERT INTO unverified (id, reason, canonical) VALUES (?1, ?2, ?3)");
    this.#of = file.prepare("SELECT canonical FROM unverified WHERE id = ?1");
    this.#delete = file.prepare("DELETE FROM unverified WHERE id = ?1");
  }

  put(found: readonly Unverified[]): void {
    if (found.length === 0) return;
    this.#file.transact(() => {
      for (const { id, reason, canonical } of found) this.#insert.run(id, reason, canonical);
    });
  }

  /** Whether these bytes are there under this id. */
  has({ id, canonical }: Pick<Unverified, "id" | "canonical">): boolean {
    return this.#of.rows(id).some(([kept]) => kept instanceof Uint8Array && Buffer.compare(kept, canonical) === 0);
  }

  /** It verified after all. Gives how many rows it had. */
  forget(id: Uint8Array): number {
    return this.#file.transact(() => this.#delete.run(id).changes);
  }
}
