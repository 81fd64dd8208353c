import type { Migration } from "../sqlite-file.ts";

/**
 * Messages set apart: held, in the order and in the root like all others, and without a place in the delivery log. Their
 * numbers in `messages` are negative, given downwards from -1, so that nothing which reads the log by its numbers meets
 * them. `ever` counts the numbers given, `placed` those that got a place in the log since. `vouched`: it is to get one.
 */
export const GROUP_0006: Migration = {
  about: "messages set apart",
  sql: `
    CREATE TABLE IF NOT EXISTS apart (seq INTEGER PRIMARY KEY, key BLOB NOT NULL, vouched INTEGER NOT NULL) STRICT;
    CREATE INDEX IF NOT EXISTS apart_by_key ON apart (key);
    CREATE INDEX IF NOT EXISTS apart_vouched ON apart (seq) WHERE vouched = 1;
    CREATE TABLE IF NOT EXISTS apart_counts (
      one INTEGER PRIMARY KEY CHECK (one = 1), ever INTEGER NOT NULL, placed INTEGER NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO apart_counts VALUES (1, 0, 0);
  `,
};
