import { existsSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { OwnMark } from "../original/own-mark.ts";
import { isOnlyReadable } from "./frozen-database.ts";
import { ESP_0001 } from "./migrations/0001-esp.ts";
import { ESP_0002 } from "./migrations/0002-esp.ts";
import { ESP_0003 } from "./migrations/0003-esp.ts";
import { ESP_0004 } from "./migrations/0004-esp.ts";
import { ESP_0005 } from "./migrations/0005-esp.ts";
import { OpeningWait } from "./opening-wait.ts";
import { SqliteFile } from "./sqlite-file.ts";

/** Below the data root. Wire with the original. */
const ESP_DATABASE = "esp.sqlite";

/** Ours. How long opening blocks where another process makes or changes it; who can wait tries again without blocking. */
const OPENING_MS = 40;

/**
 * The original's `esp.sqlite`, which others write too and people copy and remove: opened when it is needed, and again when another file
 * is there.
 */
export class EspFile implements Disposable {
  readonly #path: string;
  readonly #root: string;
  #file: SqliteFile | undefined;
  #mark: OwnMark | undefined;
  #mayWrite = false;

  /** `root`: the data root. Looks at nothing yet. */
  constructor(root: string) {
    this.#root = root;
    this.#path = join(root, ESP_DATABASE);
  }

  /** Works on the file that is there now; given `undefined` where there is none. */
  look<T>(work: (file: SqliteFile | undefined) => T): T {
    return this.#guarded(() => work(this.#opened()));
  }

  /** Works in one write transaction, durable on return and without any trace when it throws; the file is made where there is none. */
  write<T>(work: (file: SqliteFile) => T): T {
    return this.#guarded(() => {
      const opened = this.#opened();
      const file = opened !== undefined && this.#mayWrite ? opened : this.#open("write");
      return file.transact(() => work(file));
    });
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]();
    this.#file = undefined;
    this.#mark?.[Symbol.dispose]();
    this.#mark = undefined;
  }

  #opened(): SqliteFile | undefined {
    if (!this.#isSame()) this[Symbol.dispose]();
    if (this.#file === undefined && existsSync(this.#path)) {
      return this.#open(isOnlyReadable(this.#path) ? "read" : "write");
    }
    return this.#file;
  }

  #isSame(): boolean {
    try {
      this.#file?.requireSame();
      return true;
    } catch {
      return false;
    }
  }

  #open(access: "read" | "write"): SqliteFile {
    this[Symbol.dispose]();
    this.#mark = new OwnMark(this.#root);
    const migrations = [ESP_0001, ...ESP_0002, ESP_0003, ESP_0004, ESP_0005];
    const patience = new OpeningWait(OPENING_MS);
    this.#file = SqliteFile.open(this.#path, { label: "HTTP service database", migrations, access, patience });
    this.#mayWrite = access === "write";
    return this.#file;
  }

  /** What fails is not kept open. Moots are not in it, so what is said of a moot's database is not to be said of this one. */
  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      this[Symbol.dispose]();
      const isDamage = error.code === "internal" || /not a sound SQLite database/.test(error.message);
      if (!isDamage) throw error;
      const said = error.message.replace(`${this.#path}: `, "").split("; ")[0];
      throw new EntmootError(
        "data_root_invalid",
        `${this.#path}: cannot be used: ${said}; sign requests and what devices keep here stand in it: restore it from a backup, or move it away and they begin anew`,
        { cause: error },
      );
    }
  }
}

/** The statements of one opening, made when they are first needed and again for the next opening. */
export class Prepared<Statements> {
  readonly #prepare: (file: SqliteFile) => Statements;
  #of: { readonly file: SqliteFile; readonly statements: Statements } | undefined;

  constructor(prepare: (file: SqliteFile) => Statements) {
    this.#prepare = prepare;
  }

  of(file: SqliteFile): Statements {
    if (this.#of?.file !== file) this.#of = { file, statements: this.#prepare(file) };
    return this.#of.statements;
  }
}
