import type { Migration } from "../sqlite-file.ts";

/**
 * Messages that were pruned under a wrong clock come back at the number they had: it is found by their id. `restored`
 * counts them, as `pruned` counts every message that ever went. How old those were that
 * went before this was kept nobody knows: whoever still has one, and lists it as not too old, may bring it back.
 */
export const GROUP_0005: Migration = {
  about: "pruned messages that come back",
  sql: `
    CREATE TABLE IF NOT EXISTS restored (one INTEGER PRIMARY KEY CHECK (one = 1), messages INTEGER NOT NULL) STRICT;
    INSERT OR IGNORE INTO restored VALUES (1, 0);
    CREATE TABLE IF NOT EXISTS pruned_times (id BLOB PRIMARY KEY, timestamp INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS pruned_times_by_time ON pruned_times (timestamp);
    CREATE INDEX IF NOT EXISTS pruned_seqs_by_id ON pruned_seqs (id);
  `,
};
