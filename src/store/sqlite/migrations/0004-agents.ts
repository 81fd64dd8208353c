import type { Migration } from "../sqlite-file.ts";

/** How many turns each member caused in each moot; `author` is empty for one whose key is none. */
export const AGENTS_0004: Migration = {
  about: "turns caused, by moot and author",
  sql: `
    CREATE TABLE IF NOT EXISTS turns (
      group_id BLOB NOT NULL,
      author BLOB NOT NULL,
      turns INTEGER NOT NULL,
      last_ms INTEGER NOT NULL,
      PRIMARY KEY (group_id, author)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS turns_by_age ON turns (last_ms);
  `,
};
