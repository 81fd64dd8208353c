import type { Migration } from "../sqlite-file.ts";

/** Whom a message was handed to last: only who can look through that one's records is asked whether it arrived. Empty: not noted. */
export const AGENTS_0003: Migration = {
  about: "whom a message was handed to",
  sql: `
    ALTER TABLE ledger ADD COLUMN host TEXT NOT NULL DEFAULT '';
    ALTER TABLE ledger ADD COLUMN instance TEXT NOT NULL DEFAULT '';
    ALTER TABLE ledger ADD COLUMN agent TEXT NOT NULL DEFAULT '';
  `,
  // A copy made statement by statement has the columns and not the version.
  unless: "SELECT 1 FROM pragma_table_info('ledger') WHERE name = 'agent'",
};
