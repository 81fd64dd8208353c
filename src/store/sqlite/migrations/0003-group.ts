import type { Migration } from "../sqlite-file.ts";

/**
 * The log's own id, by which a reader's place is known to be of this log, and the numbers that pruned messages had, by
 * which a place at one of them still is.
 */
export const GROUP_0003: Migration = {
  about: "the log's id, numbers of pruned messages",
  sql: `
    CREATE TABLE IF NOT EXISTS log (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL) STRICT;
    INSERT OR IGNORE INTO log VALUES (1, randomblob(8));
    CREATE TABLE IF NOT EXISTS pruned_seqs (seq INTEGER PRIMARY KEY, id BLOB NOT NULL) STRICT;
  `,
};
