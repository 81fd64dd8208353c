import type { Migration } from "../sqlite-file.ts";

/**
 * The ledger as it begins. `mutes.group_id` is 32 zero bytes for every moot; `counts` has one row. Instants are Unix
 * milliseconds, 0 for none.
 */
export const AGENTS_0001: Migration = {
  about: "places done, rows of messages, mutes, what wakes",
  sql: `
    CREATE TABLE IF NOT EXISTS moots (
      group_id BLOB PRIMARY KEY,
      done TEXT NOT NULL,
      looked TEXT NOT NULL,
      history_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS ledger (
      group_id BLOB NOT NULL,
      message_id BLOB NOT NULL,
      seq INTEGER NOT NULL,
      author BLOB,
      state TEXT NOT NULL,
      asks INTEGER NOT NULL,
      waits INTEGER NOT NULL,
      token INTEGER NOT NULL,
      attempt INTEGER NOT NULL,
      until_ms INTEGER NOT NULL,
      queued_at_ms INTEGER NOT NULL,
      handed_at_ms INTEGER NOT NULL,
      delivered_at_ms INTEGER NOT NULL,
      read_at_ms INTEGER NOT NULL,
      answered_at_ms INTEGER NOT NULL,
      changed_at_ms INTEGER NOT NULL,
      PRIMARY KEY (group_id, message_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS ledger_by_number ON ledger (group_id, seq);
    CREATE INDEX IF NOT EXISTS ledger_asking ON ledger (group_id, seq)
      WHERE asks = 1 AND state NOT IN ('read', 'acked', 'answered');
    CREATE INDEX IF NOT EXISTS ledger_waiting ON ledger (queued_at_ms, seq) WHERE waits = 1;
    CREATE INDEX IF NOT EXISTS ledger_waiting_in ON ledger (group_id, author) WHERE waits = 1;
    CREATE INDEX IF NOT EXISTS ledger_due ON ledger (until_ms) WHERE waits = 1;
    CREATE INDEX IF NOT EXISTS ledger_handed ON ledger (handed_at_ms) WHERE handed_at_ms > 0;
    CREATE INDEX IF NOT EXISTS ledger_held ON ledger (state) WHERE state IN ('claimed', 'handed');
    CREATE INDEX IF NOT EXISTS ledger_settled ON ledger (group_id, changed_at_ms) WHERE waits = 0;
    CREATE INDEX IF NOT EXISTS ledger_by_age ON ledger (changed_at_ms) WHERE waits = 0;

    CREATE TABLE IF NOT EXISTS rules (group_id BLOB PRIMARY KEY, deliver TEXT NOT NULL, allowed BLOB NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS mutes (
      key BLOB NOT NULL,
      group_id BLOB NOT NULL,
      from_ms INTEGER NOT NULL,
      until_ms INTEGER NOT NULL,
      PRIMARY KEY (key, group_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS counts (id INTEGER PRIMARY KEY CHECK (id = 1), token INTEGER NOT NULL) STRICT;
    INSERT OR IGNORE INTO counts VALUES (1, 0);
  `,
};
