import type { Migration } from "../sqlite-file.ts";

/**
 * The place in the delivery log, and the keys it was written with: `PLACE MESSAGE_ID TIMESTAMP`, the id as hex. The
 * original leaves it as it is, or without a value, when it writes the row.
 */
export const MAILBOX_0002: Migration = {
  about: "the place in the delivery log",
  sql: "ALTER TABLE mailbox_cursors ADD COLUMN place TEXT;",
  // A copy made statement by statement has the column and not the version.
  unless: "SELECT 1 FROM pragma_table_info('mailbox_cursors') WHERE name = 'place'",
};
