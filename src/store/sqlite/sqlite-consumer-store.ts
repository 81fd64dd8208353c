import {
  advanced,
  type Consumer,
  checkLeaseRequest,
  checkRoomForConsumer,
  keptForm,
  type LeaseRequest,
  leased,
  NEW_CONSUMER,
} from "../consumer-rules.ts";
import type { ConsumerStore, KeptConsumer, Lease } from "../group-store.ts";
import { checkName } from "../store-limits.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";

/** Cursors and leases in `moot.sqlite`; each change is one durable transaction, so processes can compete. */
export class SqliteConsumerStore implements ConsumerStore {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #lastSeq: () => number;
  readonly #get: Sql;
  readonly #all: Sql;
  readonly #count: Sql;
  readonly #put: Sql;
  readonly #delete: Sql;
  readonly #countToken: Sql;
  readonly #token: Sql;
  readonly #release: Sql;

  constructor(file: SqliteFile, lastSeq: () => number) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "consumers");
    this.#lastSeq = lastSeq;
    this.#get = file.prepare(
      "SELECT cursor, lease_owner, lease_token, lease_expires_at_ms FROM consumers WHERE name = ?1",
    );
    this.#all = file.prepare(
      "SELECT cursor, lease_owner, lease_token, lease_expires_at_ms, name FROM consumers ORDER BY name",
    );
    this.#count = file.prepare("SELECT count(*) FROM consumers");
    this.#put = file.prepare("INSERT OR REPLACE INTO consumers VALUES (?1, ?2, ?3, ?4, ?5)");
    this.#delete = file.prepare("DELETE FROM consumers WHERE name = ?1");
    // One counter for all, so that a token is never given twice, not even to a consumer made anew.
    this.#countToken = file.prepare("UPDATE counts SET lease_token = lease_token + 1");
    this.#token = file.prepare("SELECT lease_token FROM counts");
    this.#release = file.prepare("UPDATE consumers SET lease_owner = NULL WHERE name = ?1 AND lease_token = ?2");
  }

  cursor(consumer: string): number | undefined {
    return this.#read(consumer)?.cursor;
  }

  advance(consumer: string, seq: number, token?: number): void {
    checkName("consumer", consumer);
    this.#file.transact(() => {
      const known = this.#readOrNew(consumer);
      this.#store(consumer, advanced(known, { name: consumer, seq, lastSeq: this.#lastSeq(), token }));
    });
  }

  acquireLease(request: LeaseRequest): Lease | undefined {
    checkLeaseRequest(request);
    return this.#file.transact(() => {
      const next = leased(this.#readOrNew(request.consumer), request, () => this.#nextToken());
      if (!next) return undefined;
      this.#store(request.consumer, next);
      return { owner: request.owner, token: next.token, expiresAtMs: next.expiresAtMs };
    });
  }

  releaseLease(consumer: string, token: number): void {
    this.#file.transact(() => this.#release.run(consumer, token));
  }

  forget(consumer: string): void {
    this.#file.transact(() => this.#delete.run(consumer));
  }

  get(consumer: string): KeptConsumer | undefined {
    const known = this.#read(consumer);
    return known && keptForm(consumer, known);
  }

  list(): KeptConsumer[] {
    return this.#all.rows().map((row) => {
      const name = this.#rows.text(row[4], row[4]);
      return keptForm(name, this.#consumer(name, row));
    });
  }

  #nextToken(): number {
    this.#countToken.run();
    return this.#rows.number(this.#token.row()?.[0], "lease token", { min: 1 });
  }

  #readOrNew(name: string): Consumer {
    const known = this.#read(name);
    if (known) return known;
    checkRoomForConsumer(this.#rows.number(this.#count.row()?.[0], "count"));
    return NEW_CONSUMER;
  }

  #read(name: string): Consumer | undefined {
    const row = this.#get.row(name);
    return row && this.#consumer(name, row);
  }

  #consumer(name: string, [cursor, owner, token, expires]: SqlValue[]): Consumer {
    const rows = this.#rows;
    return {
      cursor: cursor === null ? undefined : rows.number(cursor, name),
      owner: owner === null ? undefined : rows.text(owner, name),
      token: token === null ? 0 : rows.number(token, name),
      expiresAtMs: expires === null ? 0 : rows.number(expires, name),
    };
  }

  #store(name: string, { cursor, owner, token, expiresAtMs }: Consumer): void {
    this.#put.run(name, cursor ?? null, owner ?? null, token, expiresAtMs);
  }
}
