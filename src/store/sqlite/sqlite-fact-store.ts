import type { Fact } from "../group-store.ts";
import { checkFact } from "../store-limits.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

/** Small named texts in a table of `name` and `value`. */
export class SqliteFactStore {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #get: Sql;
  readonly #set: Sql;
  readonly #delete: Sql;

  constructor(file: SqliteFile, table: "facts" | "settings") {
    this.#file = file;
    this.#rows = new RowReader(file.path, table);
    this.#get = file.prepare(`SELECT value FROM ${table} WHERE name = ?1`);
    this.#set = file.prepare(`INSERT OR REPLACE INTO ${table} VALUES (?1, ?2)`);
    this.#delete = file.prepare(`DELETE FROM ${table} WHERE name = ?1`);
  }

  get(name: string): string | undefined {
    const row = this.#get.row(name);
    return row && this.#rows.text(row[0], name);
  }

  /** Durable on return; `undefined` forgets it. Throws `invalid_argument` over 1 MiB. */
  set(name: string, value: string | undefined): void {
    this.setAll([[name, value]]);
  }

  /** As `set`, all or none of them in one commit. */
  setAll(facts: readonly Fact[]): void {
    for (const [name, value] of facts) checkFact(name, value);
    this.#file.transact(() => {
      for (const [name, value] of facts) {
        if (value === undefined) this.#delete.run(name);
        else this.#set.run(name, value);
      }
    });
  }
}
