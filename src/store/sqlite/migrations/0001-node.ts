import type { Migration } from "../sqlite-file.ts";

/** The node's database as it begins. A hint's `seq` is a uint64 as 8 big-endian bytes, which sort as numbers do. */
export const NODE_0001: Migration = {
  about: "links, redemptions, hints, settings",
  sql: `
    CREATE TABLE IF NOT EXISTS links (
      token_hash BLOB PRIMARY KEY,
      group_id BLOB NOT NULL,
      uses_max INTEGER NOT NULL,
      uses INTEGER NOT NULL,
      created_at_ms INTEGER NOT NULL,
      expires_at_ms INTEGER NOT NULL,
      revoked INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS links_by_group ON links (group_id, created_at_ms, token_hash);
    CREATE TABLE IF NOT EXISTS redemptions (
      token_hash BLOB NOT NULL,
      key BLOB NOT NULL,
      redeemed_at_ms INTEGER NOT NULL,
      PRIMARY KEY (token_hash, key)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS hints (
      peer BLOB PRIMARY KEY,
      hints TEXT NOT NULL,
      signed_seq BLOB,
      signed BLOB,
      changed_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS hints_by_age ON hints (changed_at_ms, peer);

    CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
};
