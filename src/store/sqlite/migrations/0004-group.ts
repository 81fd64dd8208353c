import { SUM_EVERY } from "../log-sum-step.ts";
import type { Migration } from "../sqlite-file.ts";

/** Each byte once, in order: where one stands in it is its value. */
const BYTES = `x'${Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0")).join("")}'`;

/** The first four bytes of an id as a number. */
const FIRST4 = [1, 2, 3, 4].map((at) => `(instr(${BYTES}, substr(id, ${at}, 1)) - 1) * ${256 ** (4 - at)}`).join(" + ");

/** The sum over the log at every so many numbers, so that a place is told without reading every id before it. */
export const GROUP_0004: Migration = {
  about: "sums over the log",
  sql: `
    CREATE TABLE IF NOT EXISTS log_sums (seq INTEGER PRIMARY KEY, sum INTEGER NOT NULL) STRICT;
    INSERT OR REPLACE INTO log_sums
      SELECT upto, sum(part) OVER (ORDER BY upto) & 0xffffffff FROM (
        SELECT (seq + ${SUM_EVERY - 1}) / ${SUM_EVERY} * ${SUM_EVERY} AS upto, sum(${FIRST4}) AS part FROM (
          SELECT seq, id FROM messages UNION ALL SELECT seq, id FROM pruned_seqs
        ) GROUP BY upto
      ) WHERE upto <= (SELECT max(seq, coalesce((SELECT max(seq) FROM messages), 0)) FROM counts);
  `,
};
