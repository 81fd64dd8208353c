import type { Migration } from "../sqlite-file.ts";

/**
 * Messages that were pruned under a wrong clock come back at the number they had: it is found by their id. `restored`
 * counts them, as `pruned` counts every message that ever went.
 */
export const GROUP_0005: Migration = {
  about: "pruned messages that come back",
  sql: `
    CREATE TABLE IF NOT EXISTS restored (one INTEGER PRIMARY KEY CHECK (one = 1), messages INTEGER NOT NULL) STRICT;
    INSERT OR IGNORE INTO restored VALUES (1, 0);
    CREATE INDEX IF NOT EXISTS pruned_seqs_by_id ON pruned_seqs (id);
  `,
};
