import type { UnixMs } from "../../core/clock.ts";
import { PublicKey } from "../../core/ids.ts";
import { checkSignedHint, mergedHints } from "../hint-rules.ts";
import type { HintStore } from "../node-store.ts";
import { checkMs, SIGNED_HINT_BYTES_MAX } from "../store-limits.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";

interface HintRow {
  readonly hints: readonly string[];
  readonly signed: { seq: bigint; bytes: Uint8Array } | undefined;
}

/** Where peers are, in `node.sqlite`. */
export class SqliteHintStore implements HintStore {
  readonly #file: SqliteFile;
  readonly #rows: RowReader;
  readonly #get: Sql;
  readonly #put: Sql;
  readonly #trim: Sql;

  constructor(file: SqliteFile, peersMax: number) {
    this.#file = file;
    this.#rows = new RowReader(file.path, "hints");
    this.#get = file.prepare("SELECT hints, signed_seq, signed FROM hints WHERE peer = ?1");
    this.#put = file.prepare("INSERT OR REPLACE INTO hints VALUES (?1, ?2, ?3, ?4, ?5)");
    this.#trim = file.prepare(`DELETE FROM hints WHERE peer IN (SELECT peer FROM hints WHERE peer <> ?1
      ORDER BY changed_at_ms, peer LIMIT max(0, (SELECT count(*) FROM hints) - ${peersMax}))`);
  }

  hints(peer: PublicKey): string[] {
    return [...(this.#read(peer)?.hints ?? [])];
  }

  put(peer: PublicKey, hints: readonly string[], nowMs: UnixMs): void {
    checkMs("hints: now", nowMs);
    this.#file.transact(() => {
      const row = this.#read(peer);
      this.#store(peer, { hints: mergedHints(row?.hints ?? [], hints), signed: row?.signed }, nowMs);
    });
  }

  signed(peer: PublicKey): { seq: bigint; bytes: Uint8Array } | undefined {
    return this.#read(peer)?.signed;
  }

  putSigned(peer: PublicKey, hint: { seq: bigint; bytes: Uint8Array }, nowMs: UnixMs): void {
    checkSignedHint(hint, nowMs);
    this.#file.transact(() => {
      const row = this.#read(peer);
      if (row?.signed && row.signed.seq > hint.seq) return;
      this.#store(peer, { hints: row?.hints ?? [], signed: hint }, nowMs);
    });
  }

  #read(peer: PublicKey): HintRow | undefined {
    const row = this.#get.row(PublicKey.toBytes(peer));
    if (!row) return undefined;
    const [hints, seq, bytes] = row;
    const rows = this.#rows;
    const list = rows.decoded(peer, () => parseHints(rows.text(hints, peer)));
    if (seq === null || bytes === null) return { hints: list, signed: undefined };
    const signed = rows.bytes(bytes, peer, { min: 1, max: SIGNED_HINT_BYTES_MAX });
    return { hints: list, signed: { seq: BigInt(`0x${rows.bytes(seq, peer, 8).toHex()}`), bytes: signed } };
  }

  #store(peer: PublicKey, { hints, signed }: HintRow, nowMs: UnixMs): void {
    const key = PublicKey.toBytes(peer);
    const seq: SqlValue = signed ? Uint8Array.fromHex(signed.seq.toString(16).padStart(16, "0")) : null;
    this.#put.run(key, JSON.stringify(hints), seq, signed?.bytes ?? null, nowMs);
    this.#trim.run(key);
  }
}

function parseHints(text: string): string[] {
  const list: unknown = JSON.parse(text);
  if (Array.isArray(list) && list.every((hint) => typeof hint === "string")) return list;
  throw new Error("not a list of texts");
}
