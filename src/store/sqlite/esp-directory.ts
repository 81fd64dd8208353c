import { GroupId } from "../../core/ids.ts";
import {
  DIRECTORY_STATUSES,
  type DirectoryOutcome,
  type DirectoryRow,
  type DirectoryStore,
  type ToldDescriptor,
} from "../esp-store.ts";
import { type EspFile, Prepared } from "./esp-file.ts";
import type { SqliteFile, SqlValue } from "./sqlite-file.ts";

/** Ours. Moots of one founder, of all, and bytes of their descriptors: whoever likes tells a directory, under any key. */
export const DIRECTORY_LIMITS = { ofFounder: 64, moots: 5_000, bytes: 16 * 1024 * 1024 };

const COLUMNS = `group_id, founder_pubkey, descriptor, descriptor_updated_at_ms, status, indexed_at_ms,
  status_updated_at_ms, rowid`;
const LISTED = "status = 'listed' AND length(descriptor) > 0";
const NEWEST_FIRST = "ORDER BY descriptor_updated_at_ms DESC, rowid DESC";

/** The public directory in `esp.sqlite`, by the original's rules. A row that is none is passed by. */
export function directoryStore(esp: EspFile, limits = DIRECTORY_LIMITS): DirectoryStore {
  const prepared = new Prepared(statementsOf);
  const get = (file: SqliteFile, groupId: GroupId) => {
    const row = prepared.of(file).get.row(GroupId.toBytes(groupId));
    return row && rowOf(row);
  };
  const put = (file: SqliteFile, told: ToldDescriptor, nowMs: number): DirectoryOutcome => {
    const { blocked, insert, sums, update } = prepared.of(file);
    const { descriptor, founderKey, updatedMs } = told;
    const id = GroupId.toBytes(told.groupId);
    const before = get(file, told.groupId);
    if (before?.status === "blocked" || blocked.row(founderKey) !== undefined) return "blocked";
    if (before === undefined) {
      const [moots, bytes, ofFounder] = (sums.row(founderKey) ?? []).map(Number) as [number, number, number];
      if (ofFounder >= limits.ofFounder) return "founder_full";
      if (moots >= limits.moots || bytes + descriptor.length > limits.bytes) return "full";
      insert.run(id, founderKey, descriptor, updatedMs, nowMs);
      return "indexed";
    }
    if (before.founderKey !== "" && before.founderKey !== founderKey) return "founder_mismatch";
    if (updatedMs <= before.updatedMs) return "stale";
    update.run(id, founderKey, descriptor, updatedMs);
    return "indexed";
  };
  return {
    get: (groupId) => esp.look((file) => file && get(file, groupId)),
    listed: ({ below, bytesMax, limit }) =>
      esp.look((file) => {
        if (file === undefined) return [];
        const { updatedMs, row } = below ?? { updatedMs: Number.MAX_SAFE_INTEGER, row: Number.MAX_SAFE_INTEGER };
        const rows: DirectoryRow[] = [];
        let bytes = 0;
        for (const [rowId, size] of prepared.of(file).sizes.rows(updatedMs, row, limit)) {
          bytes += Number(size);
          if (bytes > bytesMax && rows.length > 0) break;
          const found = prepared.of(file).byRow.row(rowId!);
          rows.push(...((found && [rowOf(found)].filter((one) => one !== undefined)) ?? []));
        }
        return rows;
      }),
    all: (limit) =>
      esp.look((file) => {
        const rows = file === undefined ? [] : prepared.of(file).all.rows(limit);
        return rows.flatMap((row) => rowOf(row) ?? []);
      }),
    put: (told, nowMs) => esp.write((file) => ({ outcome: put(file, told, nowMs), row: get(file, told.groupId) })),
    setStatus: (groupId, status, nowMs) =>
      esp.write((file) => {
        const { block, setStatus } = prepared.of(file);
        const id = GroupId.toBytes(groupId);
        const { changes } = setStatus.run(id, status, nowMs);
        if (changes === 0 && status === "blocked") block.run(id, nowMs);
        return get(file, groupId);
      }),
    forget: (groupId) => esp.write((file) => prepared.of(file).forget.run(GroupId.toBytes(groupId)).changes > 0),
  };
}

function statementsOf(file: SqliteFile) {
  return {
    get: file.prepare(`SELECT ${COLUMNS} FROM esp_public_moots WHERE group_id = ?1`),
    byRow: file.prepare(`SELECT ${COLUMNS} FROM esp_public_moots WHERE rowid = ?1`),
    // Sizes first: what is not told is not read either.
    sizes: file.prepare(
      `SELECT rowid, length(descriptor) FROM esp_public_moots
      WHERE ${LISTED} AND (descriptor_updated_at_ms, rowid) < (?1, ?2) ${NEWEST_FIRST} LIMIT ?3`,
    ),
    all: file.prepare(
      `SELECT ${COLUMNS} FROM esp_public_moots ORDER BY status_updated_at_ms DESC, rowid DESC LIMIT ?1`,
    ),
    blocked: file.prepare("SELECT 1 FROM esp_public_moots WHERE founder_pubkey = ?1 AND status = 'blocked' LIMIT 1"),
    sums: file.prepare(
      `SELECT count(*), coalesce(sum(length(descriptor)), 0), count(*) FILTER (WHERE founder_pubkey = ?1)
      FROM esp_public_moots`,
    ),
    insert: file.prepare(
      `INSERT INTO esp_public_moots (group_id, founder_pubkey, descriptor, descriptor_updated_at_ms, status, indexed_at_ms,
      status_updated_at_ms) VALUES (?1, ?2, ?3, ?4, 'listed', ?5, ?5)`,
    ),
    update: file.prepare(
      `UPDATE esp_public_moots SET founder_pubkey = ?2, descriptor = ?3, descriptor_updated_at_ms = ?4 WHERE group_id = ?1`,
    ),
    setStatus: file.prepare("UPDATE esp_public_moots SET status = ?2, status_updated_at_ms = ?3 WHERE group_id = ?1"),
    block: file.prepare(
      `INSERT INTO esp_public_moots (group_id, status, indexed_at_ms, status_updated_at_ms) VALUES (?1, 'blocked', ?2, ?2)`,
    ),
    forget: file.prepare("DELETE FROM esp_public_moots WHERE group_id = ?1"),
  };
}

function rowOf(values: readonly SqlValue[]): DirectoryRow | undefined {
  const [group, founder, descriptor, updated, status, indexed, statusAt, row] = values;
  const known = DIRECTORY_STATUSES.find((one) => one === status);
  if (!(group instanceof Uint8Array) || group.length !== 32 || known === undefined) return undefined;
  const bytes = typeof descriptor === "string" ? new TextEncoder().encode(descriptor) : descriptor;
  return {
    groupId: GroupId.fromBytes(group),
    founderKey: String(founder),
    descriptor: bytes instanceof Uint8Array && bytes.length > 0 ? bytes : undefined,
    updatedMs: Number(updated),
    status: known,
    indexedMs: Number(indexed),
    statusMs: Number(statusAt),
    row: Number(row),
  };
}
