import { availableParallelism } from "node:os";

/**
 * What one test may take, in milliseconds, unless it says otherwise. It ends what hangs and measures nothing: a machine
 * with a quarter of its processors left must stay far below it.
 */
export const TEST_MAX_MS = 120_000;

/**
 * The arguments of Bun for `npm test`: one file more at once than there are processors, as most of them wait for programs
 * they started. A `--timeout` or `--parallel` in `args` is the one that counts. @param {readonly string[]} args
 */
export const testArguments = (args) => [
  "test",
  `--parallel=${availableParallelism() + 1}`,
  "--no-isolate",
  "--timeout",
  `${TEST_MAX_MS}`,
  ...args,
];
