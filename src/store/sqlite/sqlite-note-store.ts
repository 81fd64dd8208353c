import { PublicKey } from "../../core/ids.ts";
import { NOTE_BYTES_MAX, type NoteKind, type NoteName, readNote, type SignedNote } from "../../core/record/note.ts";
import type { NoteChanges, NoteStore } from "../group-store.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

/** Notes in `moot.sqlite`. */
export class SqliteNoteStore implements NoteStore {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #all: Sql;
  readonly #ofKind: Sql;
  readonly #one: Sql;
  readonly #put: Sql;
  readonly #drop: Sql;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "notes");
    this.#all = file.prepare("SELECT bytes, author FROM notes ORDER BY kind, author");
    this.#ofKind = file.prepare("SELECT bytes, author FROM notes WHERE kind = ?1 ORDER BY author");
    this.#one = file.prepare("SELECT bytes, author FROM notes WHERE kind = ?1 AND author = ?2");
    this.#put = file.prepare("INSERT OR REPLACE INTO notes VALUES (?1, ?2, ?3)");
    this.#drop = file.prepare("DELETE FROM notes WHERE kind = ?1 AND author = ?2");
  }

  *all(): Generator<SignedNote> {
    for (const [bytes, author] of this.#all.rows()) yield this.#note(bytes, author);
  }

  *ofKind(kind: NoteKind): Generator<SignedNote> {
    for (const [bytes, author] of this.#ofKind.rows(kind)) yield this.#note(bytes, author);
  }

  get({ author, kind }: NoteName): SignedNote | undefined {
    const row = this.#one.row(kind, PublicKey.toBytes(author));
    return row && this.#note(row[0], row[1]);
  }

  change({ drop = [], put = [] }: NoteChanges): void {
    this.#file.transact(() => {
      for (const { author, kind } of drop) this.#drop.run(kind, PublicKey.toBytes(author));
      for (const { author, bytes, kind } of put) this.#put.run(kind, PublicKey.toBytes(author), bytes);
    });
  }

  #note(value: Parameters<RowReader["bytes"]>[0], author: Parameters<RowReader["bytes"]>[0]): SignedNote {
    const bytes = this.#rows.bytes(value, author, { min: 1, max: NOTE_BYTES_MAX.receipt });
    return this.#rows.decoded(author, () => readNote(bytes));
  }
}
