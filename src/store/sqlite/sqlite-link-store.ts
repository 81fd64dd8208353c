import { redeem, release } from "../../core/admission/redemption.ts";
import { type UnixMs, unixMs } from "../../core/clock.ts";
import { GroupId, PublicKey } from "../../core/ids.ts";
import { checkLink, linkExists, linkId, linkToForget, namedLink } from "../link-rules.ts";
import type { IssuedLink, LinkStore, RedeemOutcome } from "../node-store.ts";
import { RowReader } from "./row-reader.ts";
import type { Sql, SqliteFile, SqlValue } from "./sqlite-file.ts";

/**
 * The table's `uses_max` and `uses` are what a link calls `uses` and `used`. They keep their names: renaming columns
 * cannot be done twice, as every migration can, and an older executable put back by a rollback would refuse the file.
 */
const COLUMNS = "token_hash, group_id, uses_max, uses, created_at_ms, expires_at_ms, revoked";

/** Links and who redeemed them, in `node.sqlite`. */
export class SqliteLinkStore implements LinkStore {
  readonly #file: SqliteFile;
  readonly #linksMax: number;
  readonly #rows: RowReader;
  readonly #get: Sql;
  readonly #ofGroup: Sql;
  readonly #oldestFirst: Sql;
  readonly #count: Sql;
  readonly #insert: Sql;
  readonly #revoke: Sql;
  readonly #delete: Sql;
  readonly #forget: Sql;
  readonly #redeemed: Sql;
  readonly #redeem: Sql;
  readonly #release: Sql;
  readonly #setUsed: Sql;

  constructor(file: SqliteFile, linksMax: number) {
    this.#file = file;
    this.#linksMax = linksMax;
    this.#rows = new RowReader(file.path, "links");
    this.#get = file.prepare(`SELECT ${COLUMNS} FROM links WHERE token_hash = ?1`);
    this.#ofGroup = file.prepare(`SELECT ${COLUMNS} FROM links WHERE group_id = ?1 ORDER BY created_at_ms, token_hash`);
    this.#oldestFirst = file.prepare(`SELECT ${COLUMNS} FROM links ORDER BY created_at_ms, token_hash`);
    this.#count = file.prepare("SELECT count(*) FROM links");
    this.#insert = file.prepare("INSERT INTO links VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    this.#revoke = file.prepare("UPDATE links SET revoked = 1 WHERE token_hash = ?1");
    this.#delete = file.prepare("DELETE FROM links WHERE token_hash = ?1");
    this.#forget = file.prepare("DELETE FROM redemptions WHERE token_hash = ?1");
    this.#redeemed = file.prepare("SELECT 1 FROM redemptions WHERE token_hash = ?1 AND key = ?2");
    this.#redeem = file.prepare("INSERT INTO redemptions VALUES (?1, ?2, ?3)");
    this.#release = file.prepare("DELETE FROM redemptions WHERE token_hash = ?1 AND key = ?2");
    this.#setUsed = file.prepare("UPDATE links SET uses = ?2 WHERE token_hash = ?1");
  }

  create(link: IssuedLink): void {
    checkLink(link);
    const hash = Uint8Array.fromHex(link.token_hash);
    this.#file.transact(() => {
      if (this.#get.row(hash)) throw linkExists(link.token_hash);
      if (this.#rows.number(this.#count.row()?.[0], "count") >= this.#linksMax)
        this.#forgetOne(unixMs(link.created_at_ms));
      const { group_id, uses, used, created_at_ms, expires_at_ms, revoked } = link;
      this.#insert.run(hash, GroupId.toBytes(group_id), uses, used, created_at_ms, expires_at_ms, revoked ? 1 : 0);
    });
  }

  list(groupId: GroupId): IssuedLink[] {
    return this.#ofGroup.rows(GroupId.toBytes(groupId)).map((row) => this.#read(row));
  }

  get(tokenHash: string): IssuedLink | undefined {
    const row = isHash(tokenHash) ? this.#get.row(Uint8Array.fromHex(tokenHash)) : undefined;
    return row && this.#read(row);
  }

  revoke(groupId: GroupId, idOrHash: string): IssuedLink | undefined {
    return this.#file.transact(() => {
      const link = namedLink(this.list(groupId), idOrHash);
      if (link === undefined) return undefined;
      this.#revoke.run(Uint8Array.fromHex(link.token_hash));
      return { ...link, revoked: true };
    });
  }

  redeem({ tokenHash, key, nowMs }: { tokenHash: string; key: PublicKey; nowMs: UnixMs }): RedeemOutcome {
    return this.#file.transact(() => {
      const link = this.get(tokenHash);
      if (!link) return { kind: "refused", reason: "not_found" };
      const hash = Uint8Array.fromHex(tokenHash);
      const keyBytes = PublicKey.toBytes(key);
      const outcome = redeem(link, { repeated: this.#redeemed.row(hash, keyBytes) !== undefined, nowMs });
      if (outcome.kind === "redeemed" && !outcome.repeated) {
        this.#redeem.run(hash, keyBytes, nowMs);
        this.#setUsed.run(hash, outcome.link.used);
      }
      return outcome;
    });
  }

  release(tokenHash: string, key: PublicKey): void {
    this.#file.transact(() => {
      const link = this.get(tokenHash);
      if (!link) return;
      const hash = Uint8Array.fromHex(tokenHash);
      if (this.#release.run(hash, PublicKey.toBytes(key)).changes > 0) this.#setUsed.run(hash, release(link).used);
    });
  }

  #forgetOne(nowMs: UnixMs): void {
    const links = this.#oldestFirst.rows().map((row) => this.#read(row));
    const hash = Uint8Array.fromHex(linkToForget(links, { linksMax: this.#linksMax, nowMs }).token_hash);
    this.#delete.run(hash);
    this.#forget.run(hash);
  }

  #read([hash, group, uses, used, created, expires, revoked]: SqlValue[]): IssuedLink {
    const rows = this.#rows;
    const token_hash = rows.hex32<string>(hash, hash);
    return {
      id: linkId(token_hash),
      token_hash,
      group_id: rows.hex32(group, hash),
      uses: rows.number(uses, hash),
      used: rows.number(used, hash),
      created_at_ms: rows.number(created, hash),
      expires_at_ms: rows.number(expires, hash),
      revoked: rows.number(revoked, hash, { max: 1 }) === 1,
    };
  }
}

function isHash(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}
