import type { Migration } from "../sqlite-file.ts";

/** What members tell of themselves beside messages: of each author and kind the latest, as it was signed. */
export const GROUP_0009: Migration = {
  about: "notes of members",
  sql: `
    CREATE TABLE IF NOT EXISTS notes (
      kind TEXT NOT NULL,
      author BLOB NOT NULL,
      bytes BLOB NOT NULL,
      PRIMARY KEY (kind, author)
    ) STRICT, WITHOUT ROWID;
  `,
};
