import type { Migration } from "../sqlite-file.ts";

/** Columns that the original added to its tables later, as it adds them: table, column, shape. */
const LATER: readonly (readonly [table: string, column: string, shape: string])[] = [
  ["sign_requests", "canonical_type", "TEXT NOT NULL DEFAULT ''"],
  ["sign_requests", "signature_algorithm", "TEXT NOT NULL DEFAULT ''"],
  ["sign_requests", "signing_payload", "TEXT NOT NULL DEFAULT ''"],
  ["sign_requests", "signing_payload_sha256", "TEXT NOT NULL DEFAULT ''"],
  ["sign_requests", "publish_result", "BLOB"],
  ["sign_requests", "operation_result", "BLOB"],
  ["esp_open_invites", "bootstrap_peers", "BLOB"],
  ["esp_open_invite_redemptions", "result", "BLOB"],
  ["esp_fleets", "status", "TEXT NOT NULL DEFAULT 'active'"],
  ["esp_fleets", "archived_at_ms", "INTEGER NOT NULL DEFAULT 0"],
  ["esp_fleets", "deleted_at_ms", "INTEGER NOT NULL DEFAULT 0"],
  ["esp_live_agent_configs", "max_actions_per_scan", "INTEGER NOT NULL DEFAULT 0"],
  ["esp_live_agent_configs", "max_action_bytes", "INTEGER NOT NULL DEFAULT 0"],
  ["esp_live_agent_cursors", "scan_floor_at_ms", "INTEGER NOT NULL DEFAULT 0"],
  ["esp_live_agent_cursors", "last_seen_author_node_id", "INTEGER NOT NULL DEFAULT 0"],
  ["esp_live_agent_cursors", "last_seen_message_id", "BLOB NOT NULL DEFAULT x''"],
  ["esp_live_agent_cursors", "seen_message_ids", "BLOB NOT NULL DEFAULT '[]'"],
  ["esp_node_profiles", "entmoot_pubkey", "TEXT NOT NULL DEFAULT ''"],
];

/** Wire with the original: a database of an earlier version of it gets what is missing, one column a step. */
export const ESP_0002: readonly Migration[] = LATER.map(([table, column, shape]) => ({
  about: `${table}.${column}`,
  sql: `ALTER TABLE ${table} ADD COLUMN ${column} ${shape};`,
  unless: `SELECT 1 FROM pragma_table_info('${table}') WHERE name = '${column}'`,
}));
