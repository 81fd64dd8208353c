import type { UnixMs } from "../../core/clock.ts";
import { GroupId } from "../../core/ids.ts";
import { Claimant } from "../claimant.ts";
import type { ClaimOutcome, SignOutcome, SignRequest, SignRequestStore } from "../esp-store.ts";
import { type EspFile, Prepared } from "./esp-file.ts";
import type { SqliteFile, SqlValue } from "./sqlite-file.ts";

/** Ours. Requests of one device, and of all; and bytes of what they ask for and have signed. */
const LIMITS = {
  device: { rows: 2048, bytes: 64 * 1024 * 1024 },
  all: { rows: 32_768, bytes: 512 * 1024 * 1024 },
} as const;

const COLUMNS = `id, device_id, kind, status, group_id, payload, canonical_type, signature_algorithm, signing_payload,
  signing_payload_sha256, signature, publish_result, operation_result, created_at_ms, updated_at_ms, expires_at_ms`;
const BYTES = `count(*), coalesce(sum(length(payload) + length(signing_payload)), 0) FROM sign_requests`;
const OVER = `(status IN ('completed', 'rejected') OR (status = 'pending' AND expires_at_ms > 0 AND expires_at_ms <= ?1))`;

/** `SignRequestStore` in the original's file. */
export class SqliteSignRequests implements SignRequestStore {
  readonly #esp: EspFile;
  readonly #claimant: Claimant;
  /** Claims here whose completion is not over. */
  readonly #underWay = new Set<string>();
  readonly #prepared = new Prepared(statementsOf);

  /** `root`: the data root. Makes nothing yet. */
  constructor(esp: EspFile, root: string) {
    this.#esp = esp;
    this.#claimant = new Claimant(root);
  }

  get(id: string): SignRequest | undefined {
    return this.#esp.look((file) => {
      const row = file && this.#prepared.of(file).get.row(id);
      return row && requestOf(row);
    });
  }

  ids(deviceId?: string): string[] {
    return this.#esp.look((file) => {
      if (file === undefined) return [];
      const { ids, idsOf } = this.#prepared.of(file);
      return (deviceId === undefined ? ids.rows() : idsOf.rows(deviceId)).map(([id]) => String(id));
    });
  }

  add(request: SignRequest): boolean {
    return this.#esp.write((file) => {
      const { add } = this.#prepared.of(file);
      if (!this.#hasRoom(file, request)) return false;
      const { createdMs, deviceId, digest, expiresMs, group, id, kind, payload, signingPayload, updatedMs } = request;
      const about = [id, deviceId, kind, request.status, group === undefined ? null : GroupId.toBytes(group)];
      const signed = [request.canonicalType, request.algorithm, signingPayload, digest];
      add.run(...about, Buffer.from(payload), ...signed, createdMs, updatedMs, expiresMs);
      return true;
    });
  }

  #hasRoom(file: SqliteFile, { createdMs, deviceId, payload, signingPayload }: SignRequest): boolean {
    const { all, drop, dropAny, of } = this.#prepared.of(file);
    const bytes = Buffer.byteLength(payload) + signingPayload.length;
    const fits = (row: SqlValue[] | undefined, limit: { readonly rows: number; readonly bytes: number }) =>
      Number(row?.[0]) < limit.rows && Number(row?.[1]) + bytes <= limit.bytes;
    const hasOwn = () => fits(of.row(deviceId), LIMITS.device);
    const hasAny = () => fits(all.row(), LIMITS.all);
    while (!hasOwn()) if (drop.run(createdMs, deviceId).changes === 0) return false;
    while (!hasAny()) if (dropAny.run(createdMs).changes === 0) return false;
    return true;
  }

  claim(id: string, signature: string, nowMs: UnixMs): ClaimOutcome {
    const name = this.#claimant.name();
    const claimed = this.#esp.write((file): ClaimOutcome => {
      const { claim, claimOf } = this.#prepared.of(file);
      const row = claimOf.row(id);
      if (row === undefined) return "missing";
      const [status, holder] = row.map(String);
      if (status !== "pending" && status !== "executing") return "settled";
      if (status === "executing" && this.#isUnderWay(id, holder!)) return "taken";
      claim.run(id, signature, name, nowMs);
      return "claimed";
    });
    if (claimed === "claimed") this.#underWay.add(id);
    return claimed;
  }

  #isUnderWay(id: string, holder: string): boolean {
    return this.#claimant.isOwn(holder) ? this.#underWay.has(id) : this.#claimant.isAlive(holder);
  }

  leave(id: string): void {
    this.#underWay.delete(id);
  }

  release(id: string, nowMs: UnixMs): void {
    this.#underWay.delete(id);
    const name = this.#claimant.name();
    this.#esp.write((file) => this.#prepared.of(file).release.run(id, name, nowMs));
  }

  finish(id: string, { metadata, publishResult, result }: SignOutcome, nowMs: UnixMs): boolean {
    this.#underWay.delete(id);
    const name = this.#claimant.name();
    return this.#esp.write((file) => {
      const { finish, putMetadata } = this.#prepared.of(file);
      const published = publishResult === undefined ? null : Buffer.from(publishResult);
      if (finish.run(id, name, published, Buffer.from(result), nowMs).changes === 0) return false;
      if (metadata !== undefined) putMetadata.run(GroupId.toBytes(metadata.group), Buffer.from(metadata.text), nowMs);
      return true;
    });
  }

  reject(id: string, nowMs: UnixMs): boolean {
    return this.#esp.write((file) => this.#prepared.of(file).reject.run(id, nowMs).changes > 0);
  }

  abandoned(): SignRequest[] {
    return this.#esp.look((file) => {
      const rows = file === undefined ? [] : this.#prepared.of(file).executing.rows();
      return rows.filter(([id, ...rest]) => !this.#isUnderWay(String(id), String(rest.at(-1)))).map(requestOf);
    });
  }

  [Symbol.dispose](): void {
    this.#underWay.clear();
    this.#claimant[Symbol.dispose]();
  }
}

function statementsOf(file: SqliteFile) {
  return {
    get: file.prepare(`SELECT ${COLUMNS} FROM sign_requests WHERE id = ?1`),
    ids: file.prepare("SELECT id FROM sign_requests ORDER BY created_at_ms DESC, rowid DESC"),
    idsOf: file.prepare(
      "SELECT id FROM sign_requests WHERE device_id IN (?1, '') ORDER BY created_at_ms DESC, rowid DESC",
    ),
    add: file.prepare(
      `INSERT INTO sign_requests (id, device_id, kind, status, group_id, payload, canonical_type, signature_algorithm,
      signing_payload, signing_payload_sha256, created_at_ms, updated_at_ms, expires_at_ms)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`,
    ),
    of: file.prepare(`SELECT ${BYTES} WHERE device_id = ?1`),
    all: file.prepare(`SELECT ${BYTES}`),
    drop: file.prepare(
      `DELETE FROM sign_requests WHERE rowid IN
      (SELECT rowid FROM sign_requests WHERE device_id = ?2 AND ${OVER} ORDER BY created_at_ms LIMIT 64)`,
    ),
    dropAny: file.prepare(
      `DELETE FROM sign_requests WHERE rowid IN
      (SELECT rowid FROM sign_requests WHERE ${OVER} ORDER BY created_at_ms LIMIT 64)`,
    ),
    claimOf: file.prepare("SELECT status, claimed_by FROM sign_requests WHERE id = ?1"),
    claim: file.prepare(
      "UPDATE sign_requests SET status = 'executing', signature = ?2, claimed_by = ?3, updated_at_ms = ?4 WHERE id = ?1",
    ),
    release: file.prepare(
      `UPDATE sign_requests SET status = 'pending', signature = '', claimed_by = '', updated_at_ms = ?3
      WHERE id = ?1 AND status = 'executing' AND claimed_by = ?2`,
    ),
    finish: file.prepare(
      `UPDATE sign_requests SET status = 'completed', claimed_by = '', publish_result = ?3, operation_result = ?4,
      updated_at_ms = ?5 WHERE id = ?1 AND status = 'executing' AND claimed_by = ?2`,
    ),
    putMetadata: file.prepare(
      `INSERT INTO esp_group_metadata (group_id, metadata, updated_at_ms) VALUES (?1, ?2, ?3)
      ON CONFLICT (group_id) DO UPDATE SET metadata = excluded.metadata, updated_at_ms = excluded.updated_at_ms`,
    ),
    reject: file.prepare(
      "UPDATE sign_requests SET status = 'rejected', updated_at_ms = ?2 WHERE id = ?1 AND status = 'pending'",
    ),
    executing: file.prepare(`SELECT ${COLUMNS}, claimed_by FROM sign_requests WHERE status = 'executing'`),
  };
}

function requestOf(row: SqlValue[]): SignRequest {
  const [id, deviceId, kind, status, group, payload, canonicalType, algorithm, signingPayload, digest, ...rest] = row;
  const [signature, publishResult, result, createdMs, updatedMs, expiresMs] = rest;
  return {
    id: String(id),
    deviceId: String(deviceId),
    kind: String(kind),
    status: String(status) as SignRequest["status"],
    group: group instanceof Uint8Array && group.length === 32 ? GroupId.fromBytes(group) : undefined,
    payload: textIn(payload) ?? "null",
    canonicalType: String(canonicalType),
    algorithm: String(algorithm),
    signingPayload: String(signingPayload),
    digest: String(digest),
    signature: String(signature),
    publishResult: textIn(publishResult),
    result: textIn(result),
    createdMs: Number(createdMs) as UnixMs,
    updatedMs: Number(updatedMs) as UnixMs,
    expiresMs: Number(expiresMs),
  };
}

/** A JSON column, which the original writes as a blob. */
function textIn(value: SqlValue | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  const text = value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
  return text === "" ? undefined : text;
}
