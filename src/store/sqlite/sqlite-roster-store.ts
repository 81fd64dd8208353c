import { RosterEntryId } from "../../core/ids.ts";
import { decodeJson, encodeCanonical } from "../../core/json/json-codec.ts";
import { rosterEntry } from "../../core/record/record-codecs.ts";
import type { RosterEntry } from "../../core/record/records.ts";
import type { RosterStore } from "../group-store.ts";
import { RECORD_BYTES_MAX } from "../store-limits.ts";
import { RowReader } from "./row-reader.ts";
import { SqliteFactStore } from "./sqlite-fact-store.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

/** Names of the facts that hold what is known of forks, in order. */
const forksFact = (piece: number): string => `roster_forks/${piece}`;

/** The roster log in `moot.sqlite`, canonical bytes in log order. */
export class SqliteRosterStore implements RosterStore {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #all: Sql;
  readonly #count: Sql;
  readonly #last: Sql;
  readonly #insert: Sql;
  readonly #cut: Sql;
  readonly #facts: SqliteFactStore;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "roster");
    this.#all = file.prepare("SELECT position, id, canonical FROM roster ORDER BY position");
    this.#count = file.prepare("SELECT count(*) FROM roster");
    this.#last = file.prepare("SELECT position, hex(id) FROM roster ORDER BY position DESC LIMIT 1");
    this.#insert = file.prepare("INSERT INTO roster VALUES (?1, ?2, ?3)");
    this.#cut = file.prepare("DELETE FROM roster WHERE position > ?1");
    this.#facts = new SqliteFactStore(file, "facts");
  }

  /** How many entries there are. */
  get size(): number {
    return this.#rows.number(this.#count.row()?.[0], "count");
  }

  mark(): string {
    return (this.#last.row() ?? []).join(" ");
  }

  entries(): RosterEntry[] {
    return this.#all.rows().map(([position, id, canonical], at) => {
      this.#rows.number(position, position, { min: at + 1, max: at + 1 });
      const bytes = this.#rows.bytes(canonical, position, { min: 1, max: RECORD_BYTES_MAX });
      const expected = this.#rows.hex32(id, position);
      return this.#rows.decoded(position, () => {
        const entry = decodeJson(rosterEntry, bytes);
        if (entry.id !== expected) throw new Error(`entry ${entry.id} where ${expected} belongs`);
        return entry;
      });
    });
  }

  append(entries: readonly RosterEntry[]): void {
    if (entries.length === 0) return;
    this.#file.transact(() => this.#insertAll(entries));
  }

  rebranch(length: number, entries: readonly RosterEntry[]): void {
    this.#file.transact(() => {
      this.#cut.run(length);
      this.#insertAll(entries);
    });
  }

  forks(): string[] {
    const texts: string[] = [];
    for (let piece = 0; ; piece++) {
      const text = this.#facts.get(forksFact(piece));
      if (text === undefined) return texts;
      texts.push(text);
    }
  }

  keepForks(texts: readonly string[]): void {
    const before = this.forks().length;
    const none = Array.from({ length: Math.max(0, before - texts.length) }, () => undefined);
    this.#facts.setAll([...texts, ...none].map((text, piece) => [forksFact(piece), text]));
  }

  #insertAll(entries: readonly RosterEntry[]): void {
    let position = this.size;
    for (const entry of entries) {
      this.#insert.run(++position, RosterEntryId.toBytes(entry.id), encodeCanonical(rosterEntry, entry));
    }
  }
}
