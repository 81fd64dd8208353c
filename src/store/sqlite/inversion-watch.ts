import { MessageId } from "../../core/ids.ts";
import type { MessageSet } from "../../core/order/message-set.ts";
import { comparePlaces, type TimePlace } from "../../core/order/time-place.ts";
import { SaltedMap, SaltedSet } from "../../core/salted-map.ts";
import type { NewMessage } from "../group-store.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

/** Ours. Parents are nearly always among the latest messages; this many are known without a look. */
const RECENT_MAX = 1024;

interface InversionState {
  readonly inverted: boolean;
  readonly pruned: number;
  readonly version: number;
}

/** Ours. Awaited parents known by heart; while there are more, the table is asked about every message. */
const AWAITED_KEPT = 1024;

/** Watches one transaction for a child that sorts before its parent. */
export interface InversionFinder {
  /** True once there is such a pair, in the database before or by what was stored since. */
  readonly found: boolean;
  /** Call for each message right after it was inserted. `id`: its bytes. */
  stored(message: NewMessage, id: Uint8Array): void;
}

/**
 * Knows whether every held child sorts after its held parents by (timestamp, author, id). Then the
 * topological order is the time order, and the end of it can be read from an index instead of
 * from a million messages. A child that comes before its parent arrives leaves a note in `awaited`.
 */
export class InversionWatch {
  readonly #rows: RowReader;
  readonly #later: Sql;
  readonly #isPruned: Sql;
  readonly #await: Sql;
  readonly #arrived: Sql;
  readonly #awaitedIds: Sql;
  readonly #forgetAwaited: Sql;
  /** Two generations; the elder is dropped when the younger is full. */
  #recent = new SaltedMap<MessageId, TimePlace>();
  #older = new SaltedMap<MessageId, TimePlace>();

  constructor(file: SqliteFile) {
    this.#rows = new RowReader(file.path, "awaited");
    this.#later = file.prepare("SELECT (timestamp, author, id) >= (?2, ?3, ?4) FROM messages WHERE id = ?1");
    this.#isPruned = file.prepare("SELECT 1 FROM pruned WHERE id = ?1");
    this.#await = file.prepare("INSERT OR IGNORE INTO awaited VALUES (?1, ?2, ?3, ?4)");
    this.#awaitedIds = file.prepare(`SELECT DISTINCT parent FROM awaited LIMIT ${AWAITED_KEPT + 1}`);
    this.#forgetAwaited = file.prepare("DELETE FROM awaited");
    this.#arrived = file.prepare(
      "DELETE FROM awaited WHERE parent = ?1 RETURNING (timestamp, author, id) < (?2, ?3, ?1)",
    );
  }

  /** The parents `awaited` names, as of the transaction that runs; `undefined` when they are too many. */
  #awaited: SaltedSet<MessageId> | undefined;
  /** Whether `pruned` may have rows. */
  #hasPruned = false;
  /** Of the file, when `#awaited` was read; since then only what passed here has changed it. */
  #version: number | undefined;

  /**
   * What the database says already: its version, whether there is an inversion, and how many ids are pruned. Call
   * within the transaction.
   */
  begin({ inverted, pruned, version }: InversionState): InversionFinder {
    this.#hasPruned = pruned > 0;
    if (version !== this.#version) this.#awaited = this.#readAwaited();
    this.#version = version;
    const finder = {
      found: inverted,
      stored: (message: NewMessage, id: Uint8Array) => {
        // Both in any case: `awaited` also tells who named a message before it came.
        const isLate = this.#awaitedByEarlier(message, id);
        const isEarly = this.#hasLaterParent(message, id);
        finder.found ||= isLate || isEarly;
        this.#remember(message);
      },
    };
    return finder;
  }

  /**
   * Notes anew which parents children that are held wait for: while there was an inversion, nobody did. Call within the
   * transaction that says that there is none any more.
   */
  noteLacking(set: Pick<MessageSet, "lacking">): void {
    this.#forgetAwaited.run();
    for (const { node, parents } of set.lacking()) {
      for (const parent of parents) {
        const bytes = MessageId.toBytes(parent);
        if (this.#isPruned.row(bytes) !== undefined) continue;
        this.#await.run(bytes, node.timestamp, node.author, MessageId.toBytes(node.id));
      }
    }
    this.#version = undefined;
  }

  /** Call when the transaction did not commit. */
  forgetRecent(): void {
    this.#recent.clear();
    this.#older.clear();
    this.#version = undefined;
  }

  #hasLaterParent(message: NewMessage, id: Uint8Array): boolean {
    let found = false;
    for (const parent of message.parents) {
      const recent = this.#recent.get(parent) ?? this.#older.get(parent);
      if (recent) {
        found ||= comparePlaces(recent, message) >= 0;
        continue;
      }
      const bytes = MessageId.toBytes(parent);
      const later = this.#later.row(bytes, message.timestamp, message.author_node_id, id)?.[0];
      found ||= later === 1;
      if (later === undefined && !(this.#hasPruned && this.#isPruned.row(bytes) !== undefined)) {
        this.#await.run(bytes, message.timestamp, message.author_node_id, id);
        this.#noteAwaited(parent);
      }
    }
    return found;
  }

  #readAwaited(): SaltedSet<MessageId> | undefined {
    const rows = this.#awaitedIds.rows();
    if (rows.length > AWAITED_KEPT) return undefined;
    return new SaltedSet(rows.map(([parent]) => this.#rows.hex32<MessageId>(parent, parent)));
  }

  #noteAwaited(parent: MessageId): void {
    this.#awaited?.add(parent);
    if (this.#awaited !== undefined && this.#awaited.size > AWAITED_KEPT) this.#awaited = undefined;
  }

  #awaitedByEarlier({ id: name, timestamp, author_node_id }: NewMessage, id: Uint8Array): boolean {
    if (this.#awaited !== undefined && !this.#awaited.delete(name)) return false;
    return this.#arrived.rows(id, timestamp, author_node_id).some(([isEarlier]) => isEarlier === 1);
  }

  #remember(message: NewMessage): void {
    if (this.#recent.size >= RECENT_MAX) {
      this.#older = this.#recent;
      this.#recent = new SaltedMap();
    }
    // Only the keys are needed later; holding the body would hold the memory of a batch.
    const { id, timestamp, author_node_id } = message;
    this.#recent.set(id, { id, timestamp, author_node_id });
  }
}
