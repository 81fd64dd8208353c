import type { Migration } from "../sqlite-file.ts";

/** The latest rows of each author that ask are found without looking at its others: a member may have thousands. */
export const AGENTS_0002: Migration = {
  about: "rows that ask, by author and time",
  sql: `
    CREATE INDEX IF NOT EXISTS ledger_askers ON ledger (group_id, author, queued_at_ms, seq, message_id) WHERE asks = 1;
  `,
};
