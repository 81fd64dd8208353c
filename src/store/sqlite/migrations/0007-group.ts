import type { Migration } from "../sqlite-file.ts";

/**
 * Messages whose date lay ahead of the clock when they came: kept, ordered and compared like all others, and placed by
 * views at `arrived`, which ascends in the order they came. `message_topics` has that date for them. `sure`: the clock was
 * known to be right then.
 */
export const GROUP_0007: Migration = {
  about: "messages placed by when they came",
  sql: `
    CREATE TABLE IF NOT EXISTS ahead (
      seq INTEGER PRIMARY KEY,
      arrived INTEGER NOT NULL,
      author INTEGER NOT NULL,
      id BLOB NOT NULL,
      timestamp INTEGER NOT NULL,
      sure INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX IF NOT EXISTS ahead_by_place ON ahead (arrived, author, id);
    CREATE INDEX IF NOT EXISTS ahead_unsure ON ahead (timestamp) WHERE sure = 0;
  `,
};
