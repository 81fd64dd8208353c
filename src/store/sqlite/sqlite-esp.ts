import { GroupId } from "../../core/ids.ts";
import type {
  DirectoryStore,
  EspMetadataStore,
  EspStore,
  IdempotencyStore,
  NonceStore,
  OriginalOpenInvites,
} from "../esp-store.ts";
import { directoryStore } from "./esp-directory.ts";
import { EspFile, Prepared } from "./esp-file.ts";
import { originalOpenInvites } from "./esp-open-invites.ts";

/** Ours. Answers kept under idempotency keys: a busy day of them. Past it the oldest are forgotten. */
const ANSWERS_MAX = 16_384;

/** `EspStore` in the file of a data root. */
export class SqliteEsp implements EspStore {
  readonly nonces: NonceStore;
  readonly idempotency: IdempotencyStore;
  readonly metadata: EspMetadataStore;
  readonly openInvites: OriginalOpenInvites;
  readonly directory: DirectoryStore;
  readonly #file: EspFile;

  /** `root`: the data root. Looks at nothing yet. */
  constructor(root: string) {
    const file = new EspFile(root);
    this.#file = file;
    this.nonces = nonceStore(file);
    this.idempotency = idempotencyStore(file);
    this.metadata = metadataStore(file);
    this.openInvites = originalOpenInvites(file);
    this.directory = directoryStore(file);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

function nonceStore(esp: EspFile): NonceStore {
  const prepared = new Prepared((file) => ({
    valid: file.prepare("SELECT who, nonce, expires_at_ms FROM esp_nonces WHERE expires_at_ms > ?1 LIMIT ?2"),
    put: file.prepare(
      `INSERT INTO esp_nonces (who, nonce, expires_at_ms) VALUES (?1, ?2, ?3)
      ON CONFLICT DO UPDATE SET expires_at_ms = excluded.expires_at_ms WHERE esp_nonces.expires_at_ms <= ?4`,
    ),
    forget: file.prepare("DELETE FROM esp_nonces WHERE expires_at_ms <= ?1"),
  }));
  return {
    valid: (nowMs, limit) =>
      esp.look((file) => {
        const rows = file === undefined ? [] : prepared.of(file).valid.rows(nowMs, limit);
        return rows.map(([who, nonce, expires]) => {
          return { who: String(who), nonce: String(nonce), expiresMs: Number(expires) as typeof nowMs };
        });
      }),
    use: (nonces, nowMs) =>
      esp.write((file) => {
        const { forget, put } = prepared.of(file);
        forget.run(nowMs);
        return nonces.map(({ expiresMs, nonce, who }) => put.run(who, nonce, expiresMs, nowMs).changes > 0);
      }),
  };
}

function idempotencyStore(esp: EspFile): IdempotencyStore {
  const prepared = new Prepared((file) => ({
    find: file.prepare(
      `SELECT request_hash, status_code, response FROM esp_idempotency
      WHERE scope = ?1 AND key = ?2 AND expires_at_ms > ?3`,
    ),
    put: file.prepare(
      `INSERT INTO esp_idempotency (scope, key, request_hash, status_code, response, created_at_ms, updated_at_ms, expires_at_ms)
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7) ON CONFLICT (scope, key) DO UPDATE SET request_hash = excluded.request_hash,
      status_code = excluded.status_code, response = excluded.response, updated_at_ms = excluded.updated_at_ms,
      expires_at_ms = excluded.expires_at_ms`,
    ),
    forget: file.prepare("DELETE FROM esp_idempotency WHERE expires_at_ms <= ?1"),
    count: file.prepare("SELECT count(*) FROM esp_idempotency"),
    forgetOldest: file.prepare(
      "DELETE FROM esp_idempotency WHERE rowid IN (SELECT rowid FROM esp_idempotency ORDER BY expires_at_ms LIMIT ?1)",
    ),
  }));
  return {
    answer: ({ key, scope }, nowMs) =>
      esp.look((file) => {
        const row = file && prepared.of(file).find.row(scope, key, nowMs);
        if (row === undefined) return undefined;
        const [hash, status, response] = row;
        const body = response instanceof Uint8Array ? response : new TextEncoder().encode(String(response));
        return { requestHash: String(hash), status: Number(status), body };
      }),
    keep: ({ key, requestHash, scope }, { body, status }, { expiresMs, nowMs }) =>
      esp.write((file) => {
        const { count, forget, forgetOldest, put } = prepared.of(file);
        forget.run(nowMs);
        const over = Number(count.row()?.[0] ?? 0) - ANSWERS_MAX + 1;
        if (over > 0) forgetOldest.run(over);
        put.run(scope, key, requestHash, status, body, nowMs, expiresMs);
      }),
  };
}

function metadataStore(esp: EspFile): EspMetadataStore {
  const prepared = new Prepared((file) => file.prepare("SELECT metadata FROM esp_group_metadata WHERE group_id = ?1"));
  return {
    get: (groupId) =>
      esp.look((file) => {
        const value = file && prepared.of(file).row(GroupId.toBytes(groupId))?.[0];
        if (value === undefined || value === null) return undefined;
        return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
      }),
  };
}
