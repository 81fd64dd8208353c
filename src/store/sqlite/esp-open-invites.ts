import { decodeBase64 } from "../../core/bytes/base64.ts";
import { GroupId, PublicKey } from "../../core/ids.ts";
import type { OriginalOpenInvite, OriginalOpenInvites } from "../esp-store.ts";
import { LINKS_MAX } from "../store-limits.ts";
import { type EspFile, Prepared } from "./esp-file.ts";
import type { SqlValue } from "./sqlite-file.ts";

const COLUMNS = `token_hash, group_id, device_id, max_uses, use_count, revoked, bootstrap_peers, created_at_ms,
  updated_at_ms, expires_at_ms`;
/** Ours. Nodes that one names, and keys that used one: far more than the original allows. */
const PEERS_MAX = 1024;
const REDEEMERS_MAX = 1024;

/** The open invites that the original's service left in `esp.sqlite`. A row that is none is passed by. */
export function originalOpenInvites(esp: EspFile): OriginalOpenInvites {
  const prepared = new Prepared((file) => ({
    get: file.prepare(`SELECT ${COLUMNS} FROM esp_open_invites WHERE token_hash = ?1`),
    list: file.prepare(
      `SELECT ${COLUMNS} FROM esp_open_invites WHERE group_id = ?1 ORDER BY created_at_ms DESC, token_hash LIMIT ?2`,
    ),
    redeemers: file.prepare(
      "SELECT entmoot_pubkey FROM esp_open_invite_redemptions WHERE token_hash = ?1 ORDER BY redeemed_at_ms LIMIT ?2",
    ),
    note: file.prepare(
      `UPDATE esp_open_invites SET use_count = max(use_count, ?2), revoked = max(revoked, ?3), updated_at_ms = ?4
      WHERE token_hash = ?1 AND (use_count < ?2 OR revoked < ?3)`,
    ),
  }));
  return {
    get: (tokenHash) =>
      esp.look((file) => {
        const row = file && prepared.of(file).get.row(tokenHash);
        return row && openInviteOf(row);
      }),
    list: (groupId) =>
      esp.look((file) => {
        const rows = file === undefined ? [] : prepared.of(file).list.rows(GroupId.toBytes(groupId), LINKS_MAX);
        return rows.flatMap((row) => openInviteOf(row) ?? []);
      }),
    redeemers: (tokenHash) =>
      esp.look((file) => {
        const rows = file === undefined ? [] : prepared.of(file).redeemers.rows(tokenHash, REDEEMERS_MAX);
        return rows.flatMap(([text]) => {
          const bytes = decodeBase64(String(text));
          return bytes?.length === 32 ? [PublicKey.fromBytes(bytes)] : [];
        });
      }),
    note: (tokenHash, { isRevoked, nowMs, useCount }) =>
      esp.write((file) => void prepared.of(file).note.run(tokenHash, useCount, isRevoked ? 1 : 0, nowMs)),
  };
}

function openInviteOf(row: readonly SqlValue[]): OriginalOpenInvite | undefined {
  const [hash, group, device, maxUses, useCount, revoked, peers, created, updated, expires] = row;
  if (!(group instanceof Uint8Array) || group.length !== 32) return undefined;
  return {
    tokenHash: String(hash),
    groupId: GroupId.fromBytes(group),
    deviceId: String(device),
    maxUses: wholeNumber(maxUses),
    useCount: wholeNumber(useCount),
    isRevoked: revoked !== 0,
    bootstrapPeers: peersIn(peers),
    createdMs: wholeNumber(created),
    updatedMs: wholeNumber(updated),
    expiresMs: wholeNumber(expires),
  };
}

/** Of a column that SQLite lets hold anything. */
function wholeNumber(value: SqlValue | undefined): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0;
}

/** A JSON list of node ids. */
function peersIn(value: SqlValue | undefined): number[] {
  if (value === null || value === undefined) return [];
  try {
    const list: unknown = JSON.parse(value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value));
    if (!Array.isArray(list)) return [];
    return list.filter((id) => Number.isInteger(id) && id >= 0 && id <= 0xffff_ffff).slice(0, PEERS_MAX);
  } catch {
    return [];
  }
}
