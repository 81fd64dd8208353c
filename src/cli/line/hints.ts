import { shellQuote } from "../../host/shell-quote.ts";

/** Ours. How commands are named in texts for people. */
const QUOTED_COMMAND = /"entmootd (?!-data )(?=[a-z-])/g;

/**
 * The text with every command it suggests made one that works here: `program` is what this program is called, `dataDir`
 * as it was given on the command line, which the suggestion needs then too. What works already stays.
 */
export function runnableHints(text: string, program: string, dataDir: string | undefined): string {
  const flag = dataDir === undefined ? "" : `-data ${shellQuote(dataDir)} `;
  return text.replace(QUOTED_COMMAND, () => `"${shellQuote(program)} ${flag}`);
}
