import type { Migration } from "../sqlite-file.ts";

/** Wire with the original: its own table, which it makes the same way. Both programs use the one file. */
export const MAILBOX_0001: Migration = {
  about: "where each client is",
  sql: `
    CREATE TABLE IF NOT EXISTS mailbox_cursors (
      group_id BLOB NOT NULL,
      client_id TEXT NOT NULL,
      message_id BLOB NOT NULL,
      timestamp_ms INTEGER NOT NULL,
      updated_at_ms INTEGER NOT NULL,
      PRIMARY KEY (group_id, client_id)
    );
    CREATE INDEX IF NOT EXISTS idx_mailbox_cursors_client ON mailbox_cursors (client_id);
  `,
};
