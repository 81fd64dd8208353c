import { Database, type Statement } from "bun:sqlite";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { requireOwnDatabase } from "../../files/guarded-files.ts";
import type { DiskRoom, Triable } from "../disk-room.ts";
import { OpenFiles, type Parkable } from "../open-files.ts";
import { createPrivateFile, fileFailure, requireFile } from "../private-files.ts";
import { SameFile } from "../same-file.ts";
import { OutOfFiles, StoreBusy } from "../store-failures.ts";
import { type Frozen, holdsAnything, isOnlyReadable, openFrozen } from "./frozen-database.ts";
import { OpeningWait } from "./opening-wait.ts";
import { type ConnectOptions, setUp, userVersionOf } from "./sqlite-connection.ts";
import { isRefusedByDisk, sqliteFailure } from "./sqlite-failure.ts";

/** What a statement binds or gives. Integers come back as `number` unless the statement asks for `bigint`. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** One step of a database's shape; its number is its place in the list, from 1. Must be idempotent. */
export interface Migration {
  readonly about: string;
  readonly sql: string;
  /** Gives a row where it is done already, for what SQLite cannot be asked to do only then. */
  readonly unless?: string;
}

/** `read` never writes, apart from bringing an older database up to date. */
export type Access = "write" | "read";

interface OpenOptions {
  /** What errors call the file: `group database`. */
  readonly label: string;
  readonly migrations: readonly Migration[];
  readonly access: Access;
  /** `off` only for a file that is thrown away when its making is interrupted. */
  readonly durable?: boolean;
  /** With which others it shares the descriptors there are; it is closed for one of them and opens itself again. */
  readonly files?: OpenFiles;
  /** Nobody else writes it, as the data root is locked: what was known of it stays true while it is closed. */
  readonly alone?: boolean;
  /** How long opening waits for another process; as long as any statement when absent. */
  readonly patience?: OpeningWait;
  /** The same where the database is to be made, or its tables to be changed: whoever does that is soon done. */
  readonly makingPatience?: OpeningWait;
  /** Told of what kept something from being read or written. */
  readonly room?: DiskRoom | undefined;
}

/** A file as it is opened. */
interface Parts {
  readonly access: Access;
  readonly alone: boolean;
  readonly connecting: ConnectOptions;
  readonly files: OpenFiles;
  readonly room: DiskRoom | undefined;
}

/** Ours. A program that only reads has nothing else to do meanwhile. */
const READER_WAIT_MS = 10_000;
/**
 * Ours. How long a statement blocks the whole process where another one writes: less than anybody notices. Who can wait
 * longer tries again later, without blocking; while it stays held, nothing waits for it.
 */
const WRITER_WAIT_MS = 40;

/** Ours. How long opening waits for another process that makes the same database, or changes its tables. */
const MAKING_WAIT_MS = 10_000;

/**
 * One SQLite database file, 0600, WAL, every commit fsynced. Failures are `EntmootError`s that name
 * the file: `disk_full` when there is no room, `StoreBusy` when another process holds it, `OutOfFiles` when it cannot be
 * opened for want of descriptors, `data_root_invalid` when it is damaged, refused by the disk, not ours, not writable or no longer at its path
 * when something is written, else `internal`.
 */
export class SqliteFile implements Disposable, Parkable, Triable {
  readonly path: string;
  readonly access: Access;
  readonly #connecting: ConnectOptions;
  readonly #files: OpenFiles;
  readonly #isAlone: boolean;
  #seenVersion = 0;
  /** As they were opened; the log is another one after each time that the file was parked. */
  #opened: SameFile | undefined;
  #openedLog: SameFile | undefined;
  readonly #begin: Sql;
  readonly #commit: Sql;
  readonly #version: Sql;
  /** `undefined` while it is parked. */
  #db: Database | undefined;
  /** How it is read where it cannot be written; absent while it can. */
  #frozen: Frozen | undefined;
  /** How often it was opened: what another connection committed meanwhile is not told by the next one. */
  #openings = 0;
  #waitMs = 0;
  #statements: Sql[] = [];
  readonly #use: Use;
  readonly #room: DiskRoom | undefined;
  #open = true;

  private constructor(path: string, { access, alone, connecting, files, room }: Parts) {
    this.path = path;
    this.access = access;
    this.#connecting = connecting;
    this.#files = files;
    this.#isAlone = alone;
    this.#use = {
      isRecent: true,
      isWriting: false,
      failed: (failure) => {
        if (room !== undefined && isRefusedByDisk(failure)) room.noteRefused(this, failure);
      },
    };
    this.#room = room;
    this.#begin = this.prepare("BEGIN IMMEDIATE");
    this.#commit = this.prepare("COMMIT");
    this.#version = this.prepare("PRAGMA data_version");
  }

  /** Opens `path`, made if it is not there, and brings it up to date. */
  static open(path: string, options: OpenOptions): SqliteFile {
    const { access, durable = true, files = new OpenFiles(Number.POSITIVE_INFINITY), label, migrations } = options;
    requireFile(resolve(path));
    const isMade = userVersionOf(resolve(path)) === migrations.length;
    const waitMs = isMade ? usualWaitMs(access) : MAKING_WAIT_MS;
    const patience = options.patience ?? ((isMade ? undefined : options.makingPatience) || new OpeningWait(waitMs));
    // Absolute: only a path that starts with `file:` would be read as a URI.
    const connecting = { label, migrations, durable, patience };
    const { alone = false, room } = options;
    const file = new SqliteFile(resolve(path), { access, alone, connecting, files, room });
    // A log left behind by a deleted database is thrown away by SQLite itself, because this one begins empty.
    if (!existsSync(file.path)) createPrivateFile(file.path);
    file.#connected();
    return file;
  }

  /** A statement to run often. It is made when it first runs, so a group that is only looked at costs little. */
  prepare(sql: string, integers: "number" | "bigint" = "number"): Sql {
    const prepared = new Sql(this.path, this.#use, () => {
      const statement = this.#connected().prepare(sql);
      if (integers === "bigint") statement.safeIntegers(true);
      return statement;
    });
    this.#statements.push(prepared);
    return prepared;
  }

  /** For statements that run once. */
  exec(sql: string): void {
    const db = this.#connected();
    try {
      db.run(sql);
    } catch (error) {
      throw failureOf(error, this.path, this.#use);
    }
  }

  /** Runs `work` in one write transaction; durable on return, without any trace when it throws. */
  transact<T>(work: () => T): T {
    if (this.access === "read") {
      throw new EntmootError("unavailable", `${this.path}: opened for reading; ask the running daemon to write`);
    }
    this.#use.isWriting = true;
    try {
      this.#beginWriting();
      const result = work();
      this.requireSame();
      this.#commit.run();
      return result;
    } catch (error) {
      if (this.#isInTransaction) this.#rollBack();
      throw failureOf(error, this.path, this.#use);
    } finally {
      this.#use.isWriting = false;
    }
  }

  /** Writes, through to the disk, what is there already. Throws as `transact`. */
  tryWriting(): void {
    this.transact(() => this.exec(`PRAGMA user_version = ${this.#connecting.migrations.length}`));
  }

  /** Whether a write would find it free just now; waits for nobody. */
  isWritable(): boolean {
    if (this.#isInTransaction) return true;
    try {
      this.#writable(0);
      this.#waitAtMost(0);
      this.#begin.run();
    } catch (error) {
      // Anything else is for the write itself to tell.
      return !(error instanceof StoreBusy);
    }
    this.#rollBack();
    this.#waitAtMost(usualWaitMs(this.access));
    return true;
  }

  /** Another number once another connection has committed; what this one commits leaves it as it is. */
  version(): number {
    if (this.#db === undefined && this.#isAlone) return this.#seenVersion;
    const version = this.#version.row()![0] as number;
    this.#seenVersion = this.#openings * 2 ** 32 + version;
    return this.#seenVersion;
  }

  /** Runs reads that must agree with each other, whatever other processes commit meanwhile. */
  snapshot<T>(work: () => T): T {
    if (this.#isInTransaction) return work();
    this.exec("BEGIN");
    try {
      return work();
    } finally {
      this.#rollBack();
    }
  }

  takeRecent(): boolean {
    const { isRecent } = this.#use;
    this.#use.isRecent = false;
    return isRecent;
  }

  park(): boolean {
    if (this.#db === undefined || this.#isInTransaction) return false;
    this.#disconnect(this.#db);
    return true;
  }

  /** Closes the connection; the last one to close folds the WAL into the file. Safe to repeat. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    this.#room?.forget(this);
    if (this.#db !== undefined) this.#disconnect(this.#db);
    this.#statements = [];
  }

  /** What is written to a file that was removed is lost with it, or with its log: it must not be acknowledged. */
  requireSame(): void {
    if (!this.#connecting.durable) return;
    const failure = this.#opened?.look() ?? this.#openedLog?.look();
    if (failure !== undefined) throw failure;
  }

  get #isInTransaction(): boolean {
    return this.#db?.inTransaction === true;
  }

  /** Connects again where only reading was possible: by now there may be room. */
  #writable(waitMs = WRITER_WAIT_MS): void {
    const frozen = this.#connected(waitMs);
    if (this.#frozen === undefined) return;
    // A copy is dear, so it is kept until it is of no use. What is read in place goes first: closing it would drop the
    // locks that this process holds on the file by then.
    if (!this.#frozen.isCopy) this.#disconnect(frozen);
    const db = this.#connect(waitMs);
    if (this.#db !== undefined) this.#disconnect(this.#db);
    this.#hold(db);
  }

  /** The connection, made again where it was parked, with so long a wait for other processes. */
  #connected(waitMs = WRITER_WAIT_MS): Database {
    if (this.#db !== undefined) return this.#db;
    if (!this.#open) throw new EntmootError("internal", `${this.path}: used after it was closed`);
    requireFile(this.path);
    this.#files.makeRoom();
    for (;;) {
      try {
        return this.#hold(this.#connectOrRead(waitMs));
      } catch (error) {
        if (!(error instanceof OutOfFiles && this.#files.closeOne())) throw error;
      }
    }
  }

  #hold(db: Database): Database {
    this.#db = db;
    if (this.#openings === 0) this.#opened = SameFile.at(this.path);
    this.#openedLog = SameFile.at(`${this.path}-wal`);
    this.#openings += 1;
    this.#files.opened(this);
    return db;
  }

  /**
   * A file that may not be written can be read all the same, by who only reads. One that finds no room for what SQLite
   * makes beside it can be read by anybody, until there is room.
   */
  #connectOrRead(waitMs: number): Database {
    try {
      return this.#connect(waitMs);
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      const isRefused = this.access === "read" && error.code === "data_root_invalid" && isOnlyReadable(this.path);
      const isWithoutRoom = error.code === "disk_full" && holdsAnything(this.path);
      if (!isRefused && !isWithoutRoom) throw error;
      try {
        const frozen = openFrozen(this.path, this.#connecting);
        frozen.db.run("PRAGMA query_only = ON");
        this.#frozen = frozen;
        return frozen.db;
      } catch (second) {
        throw fileFailure(sqliteFailure(second, this.path), this.path);
      }
    }
  }

  #connect(waitMs: number): Database {
    let db: Database | undefined;
    try {
      // `strict`: a misspelt parameter throws instead of binding NULL.
      db = new Database(requireOwnDatabase(this.path), { readwrite: true, strict: true });
      const patience = this.#openings === 0 ? this.#connecting.patience : new OpeningWait(waitMs);
      setUp(db, this.path, { ...this.#connecting, patience });
      if (this.access === "read") db.run("PRAGMA query_only = ON");
      this.#waitMs = usualWaitMs(this.access);
      db.run(`PRAGMA busy_timeout = ${this.#waitMs}`);
      return db;
    } catch (error) {
      // Asked before anything is let go of: by then there may be room again.
      const failure = failureOf(error, this.path, this.#use);
      db?.close();
      throw failure;
    }
  }

  #disconnect(db: Database): void {
    for (const statement of this.#statements) statement.finalize();
    this.#db = undefined;
    this.#openedLog = undefined;
    this.#files.closed(this);
    db.close(true);
    this.#frozen?.forget();
    this.#frozen = undefined;
  }

  #beginWriting(): void {
    this.#writable();
    try {
      this.#begin.run();
    } catch (error) {
      // Whoever holds it may hold it for long: it was waited for once, the next look is only a look.
      if (error instanceof StoreBusy) this.#waitAtMost(0);
      throw error;
    }
    this.#waitAtMost(usualWaitMs(this.access));
  }

  #waitAtMost(ms: number): void {
    if (this.#waitMs === ms) return;
    this.#waitMs = ms;
    this.exec(`PRAGMA busy_timeout = ${ms}`);
  }

  #rollBack(): void {
    try {
      this.#db?.run("ROLLBACK");
    } catch {
      // SQLite has rolled back by itself, which it does on I/O errors; the first error tells more.
    }
  }
}

/** Shared by a file and its statements. */
interface Use {
  /** One of them was used lately. */
  isRecent: boolean;
  /** What is done now is to be stored. */
  isWriting: boolean;
  /** Told of what failed. */
  readonly failed: (failure: unknown) => void;
}

function failureOf(error: unknown, path: string, { failed, isWriting }: Use): unknown {
  const failure = sqliteFailure(error, path, isWriting);
  failed(failure);
  return failure;
}

function usualWaitMs(access: Access): number {
  return access === "read" ? READER_WAIT_MS : WRITER_WAIT_MS;
}

/** A prepared statement whose failures are `EntmootError`s. */
export class Sql {
  readonly #path: string;
  readonly #use: Use;
  readonly #make: () => Statement;
  #statement: Statement | undefined;

  constructor(path: string, use: Use, make: () => Statement) {
    this.#path = path;
    this.#use = use;
    this.#make = make;
  }

  /** How many rows it changed, and the row number of the last insert. */
  run(...values: SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number } {
    this.#use.isRecent = true;
    try {
      this.#statement ??= this.#make();
      const { changes, lastInsertRowid } = this.#statement.run(...values);
      return { changes, lastInsertRowid: Number(lastInsertRowid) };
    } catch (error) {
      throw failureOf(error, this.#path, this.#use);
    }
  }

  rows(...values: SqlValue[]): SqlValue[][] {
    this.#use.isRecent = true;
    try {
      this.#statement ??= this.#make();
      return this.#statement.values(...values) as SqlValue[][];
    } catch (error) {
      throw failureOf(error, this.#path, this.#use);
    }
  }

  row(...values: SqlValue[]): SqlValue[] | undefined {
    return this.rows(...values)[0];
  }

  /** Lets go of what SQLite holds for it. */
  finalize(): void {
    this.#statement?.finalize();
    this.#statement = undefined;
  }
}
