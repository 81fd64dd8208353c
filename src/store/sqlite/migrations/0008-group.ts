import type { Migration } from "../sqlite-file.ts";

/**
 * Messages that left because of their size, by a policy that came later. `pruned_seqs` has the numbers they had and
 * `counts.pruned` counts them, as of those that left for their age; unlike those they are asked for again.
 */
export const GROUP_0008: Migration = {
  about: "messages that left by policy",
  sql: `
    CREATE TABLE IF NOT EXISTS shed (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
  `,
};
