import type { Migration } from "../sqlite-file.ts";

/**
 * A group's database as it begins.
 *
 * `messages_by_time` holds the parents too, so that the whole order loads from this index, sorted,
 * without touching a body. `awaited` lists edges to parents that are not here yet; with it, one
 * look per message tells whether time order is still the topological order (`tally.inverted`).
 */
export const GROUP_0001: Migration = {
  about: "messages, topics, roster, ads, consumers, facts",
  sql: `
    CREATE TABLE IF NOT EXISTS messages (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id BLOB NOT NULL,
      author INTEGER NOT NULL,
      timestamp INTEGER NOT NULL,
      parents BLOB NOT NULL,
      canonical BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX IF NOT EXISTS messages_by_id ON messages (id);
    CREATE INDEX IF NOT EXISTS messages_by_time ON messages (timestamp, author, id, parents);

    CREATE TABLE IF NOT EXISTS topics (
      number INTEGER PRIMARY KEY,
      topic TEXT NOT NULL UNIQUE,
      messages INTEGER NOT NULL,
      latest INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS message_topics (
      topic INTEGER NOT NULL,
      timestamp INTEGER NOT NULL,
      author INTEGER NOT NULL,
      id BLOB NOT NULL,
      seq INTEGER NOT NULL,
      PRIMARY KEY (topic, timestamp, author, id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS pruned (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS awaited (
      parent BLOB NOT NULL,
      timestamp INTEGER NOT NULL,
      author INTEGER NOT NULL,
      id BLOB NOT NULL,
      PRIMARY KEY (parent, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS tally (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      held INTEGER NOT NULL,
      pruned INTEGER NOT NULL,
      inverted INTEGER NOT NULL,
      lease_token INTEGER NOT NULL,
      root BLOB,
      root_seq INTEGER NOT NULL,
      root_pruned INTEGER NOT NULL
    ) STRICT;
    INSERT OR IGNORE INTO tally VALUES (1, 0, 0, 0, 0, NULL, 0, 0);

    CREATE TABLE IF NOT EXISTS roster (
      position INTEGER PRIMARY KEY,
      id BLOB NOT NULL UNIQUE,
      canonical BLOB NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS ads (
      kind TEXT NOT NULL,
      author INTEGER NOT NULL,
      not_after INTEGER NOT NULL,
      canonical BLOB NOT NULL,
      PRIMARY KEY (kind, author)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS ad_counters (kind TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS consumers (
      name TEXT PRIMARY KEY,
      cursor INTEGER,
      lease_owner TEXT,
      lease_token INTEGER,
      lease_expires_at_ms INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE IF NOT EXISTS unverified (
      number INTEGER PRIMARY KEY,
      id BLOB NOT NULL,
      reason TEXT NOT NULL,
      canonical BLOB NOT NULL
    ) STRICT;
  `,
};
