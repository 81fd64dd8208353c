import type { Migration } from "../sqlite-file.ts";

/** How far each moot was looked through for pushes, and which pushes are due. The original passes both by. */
export const ESP_0005: Migration = {
  about: "pushes that are due",
  sql: `
    CREATE TABLE IF NOT EXISTS esp_push_places (
      group_id BLOB PRIMARY KEY,
      place TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS esp_push_due (
      device_id TEXT NOT NULL,
      type TEXT NOT NULL,
      group_id BLOB NOT NULL,
      reason TEXT NOT NULL,
      since_ms INTEGER NOT NULL,
      turn INTEGER NOT NULL DEFAULT 1,
      PRIMARY KEY (device_id, type, group_id)
    ) WITHOUT ROWID;
  `,
};
