import type { Migration } from "../sqlite-file.ts";

/**
 * A commit writes every page it touches, so what changes with each message stands in as few as it can.
 *
 * Numbers are given out by us and not by `AUTOINCREMENT`, which keeps them in a page of their own. Every number was
 * given to a message that is held or was pruned, so that how many are held follows from two others. What is left of
 * `tally` changes rarely and is called `counts`; its `seq` is the highest number given out before the last pruning.
 */
export const GROUP_0002: Migration = {
  about: "fewer pages written with each message",
  sql: `
    CREATE TABLE IF NOT EXISTS counts (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      seq INTEGER NOT NULL,
      pruned INTEGER NOT NULL,
      inverted INTEGER NOT NULL,
      lease_token INTEGER NOT NULL,
      root BLOB,
      root_seq INTEGER NOT NULL,
      root_pruned INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE IF NOT EXISTS tally (
      one INTEGER, held INTEGER, pruned INTEGER, inverted INTEGER, lease_token INTEGER,
      root BLOB, root_seq INTEGER, root_pruned INTEGER
    ) STRICT;
    INSERT OR IGNORE INTO counts
      SELECT 1, held + pruned, pruned, inverted, lease_token, root, root_seq, root_pruned FROM tally;
    DROP TABLE tally;

    CREATE TABLE messages_anew (
      seq INTEGER PRIMARY KEY,
      id BLOB NOT NULL,
      author INTEGER NOT NULL,
      timestamp INTEGER NOT NULL,
      parents BLOB NOT NULL,
      canonical BLOB NOT NULL
    ) STRICT;
    INSERT INTO messages_anew SELECT seq, id, author, timestamp, parents, canonical FROM messages ORDER BY seq;
    DROP TABLE messages;
    ALTER TABLE messages_anew RENAME TO messages;
    CREATE UNIQUE INDEX messages_by_id ON messages (id);
    CREATE INDEX messages_by_time ON messages (timestamp, author, id, parents);
  `,
};
