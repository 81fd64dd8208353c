import type { Migration } from "../sqlite-file.ts";

/** Nonces that were used, until they count no longer: a request is not taken twice, also over a restart. The original passes the table by. */
export const ESP_0003: Migration = {
  about: "nonces that were used",
  sql: `
    CREATE TABLE IF NOT EXISTS esp_nonces (
      who TEXT NOT NULL,
      nonce TEXT NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      PRIMARY KEY (who, nonce)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS idx_esp_nonces_expires ON esp_nonces (expires_at_ms);
    CREATE INDEX IF NOT EXISTS idx_esp_idempotency_expires ON esp_idempotency (expires_at_ms);
  `,
};
