import type { Migration } from "../sqlite-file.ts";

/**
 * What messages are searched and counted by. `search_docs` numbers those that are in the index, by their time in views (see
 * `search-doc.ts`); the index itself is made by whoever first writes with a program that has FTS5 (`sqlite-search-index.ts`). Messages with `seq < below` were
 * there before and are taken in step by step, newest first, `done` of `wanted` so far; `search_owed` has those that a
 * commit had no time for. `terms`: 0 without an index, above it how it was made, -1 when something was written without it.
 */
export const GROUP_0010: Migration = {
  about: "search, and counts by hour",
  sql: `
    CREATE TABLE IF NOT EXISTS search_docs (doc INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS search_owed (seq INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE IF NOT EXISTS hour_authors (
      hour INTEGER NOT NULL, author INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,
      PRIMARY KEY (hour, author)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS hour_topics (
      hour INTEGER NOT NULL, topic INTEGER NOT NULL, messages INTEGER NOT NULL, bytes INTEGER NOT NULL,
      PRIMARY KEY (hour, topic)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS search_state (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      below INTEGER NOT NULL, done INTEGER NOT NULL, wanted INTEGER NOT NULL, terms INTEGER NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO search_state SELECT 1, coalesce((SELECT max(seq) + 1 FROM messages), -9007199254740991), 0,
      max(seq, coalesce((SELECT max(seq) FROM messages), 0)) - pruned + restored.messages + ever - placed, 0
      FROM counts, restored, apart_counts;
  `,
};
