import type { Migration } from "../sqlite-file.ts";

/** Which process is carrying out a sign request: two completions of one run once. The original passes the column by. */
export const ESP_0004: Migration = {
  about: "sign_requests.claimed_by",
  sql: "ALTER TABLE sign_requests ADD COLUMN claimed_by TEXT NOT NULL DEFAULT '';",
  unless: "SELECT 1 FROM pragma_table_info('sign_requests') WHERE name = 'claimed_by'",
};
