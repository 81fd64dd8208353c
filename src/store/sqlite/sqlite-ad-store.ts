import type { UnixMs } from "../../core/clock.ts";
import { type Codec, decodeJson, encodeCanonical } from "../../core/json/json-codec.ts";
import { memberProfileAd, transportAd } from "../../core/record/record-codecs.ts";
import type { MemberProfileAd, TransportAd } from "../../core/record/records.ts";
import type { AdStore } from "../group-store.ts";
import { nextAdSeq, RECORD_BYTES_MAX } from "../store-limits.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile } from "./sqlite-file.ts";

type Kind = "transport" | "profile";

/** Ads in `moot.sqlite`, one of each kind for a member. */
export class SqliteAdStore implements AdStore {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #counters: RowReader;
  readonly #all: Sql;
  readonly #put: Sql;
  readonly #counter: Sql;
  readonly #setCounter: Sql;
  readonly #drop: Sql;

  constructor(file: SqliteFile) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "ads");
    this.#counters = new RowReader(file.path, "ad_counters");
    this.#all = file.prepare("SELECT author, canonical FROM ads WHERE kind = ?1 ORDER BY author");
    this.#put = file.prepare("INSERT OR REPLACE INTO ads VALUES (?1, ?2, ?3, ?4)");
    this.#counter = file.prepare("SELECT seq FROM ad_counters WHERE kind = ?1", "bigint");
    this.#setCounter = file.prepare("INSERT OR REPLACE INTO ad_counters VALUES (?1, ?2)");
    this.#drop = file.prepare("DELETE FROM ads WHERE not_after < ?1");
  }

  transportAds(): TransportAd[] {
    return this.#read("transport", transportAd);
  }

  putTransportAd(ad: TransportAd): void {
    this.#store("transport", ad, encodeCanonical(transportAd, ad));
  }

  profileAds(): MemberProfileAd[] {
    return this.#read("profile", memberProfileAd);
  }

  putProfileAd(ad: MemberProfileAd): void {
    this.putProfileAds([ad]);
  }

  putProfileAds(ads: readonly MemberProfileAd[]): void {
    const rows = ads.map((ad) => ({ ad, canonical: encodeCanonical(memberProfileAd, ad) }));
    this.#file.transact(() => {
      for (const { ad, canonical } of rows) this.#put.run("profile", ad.author.pilot_node_id, ad.not_after, canonical);
    });
  }

  nextSeq(kind: Kind, atLeast: bigint): bigint {
    return this.#file.transact(() => {
      const row = this.#counter.row(kind);
      const next = nextAdSeq(row ? this.#counters.int64(row[0], kind) : 0n, atLeast);
      this.#setCounter.run(kind, next);
      return next;
    });
  }

  dropExpired(nowMs: UnixMs): void {
    this.#file.transact(() => this.#drop.run(nowMs));
  }

  #read<Ad>(kind: Kind, codec: Codec<Ad>): Ad[] {
    return this.#all.rows(kind).map(([author, canonical]) => {
      const row = `${kind} ${author}`;
      const bytes = this.#rows.bytes(canonical, row, { min: 1, max: RECORD_BYTES_MAX });
      return this.#rows.decoded(row, () => decodeJson(codec, bytes));
    });
  }

  #store(kind: Kind, { author, not_after }: TransportAd | MemberProfileAd, canonical: Uint8Array): void {
    this.#file.transact(() => this.#put.run(kind, author.pilot_node_id, not_after, canonical));
  }
}
