import { shellQuote } from "../../host/shell-quote.ts";

/** Ours. How commands are named in texts for people. */
const QUOTED_COMMAND = /"entmootd (?=[a-z])/g;

/** The text with every command it suggests made one for `dataDir`, or as it is without: the flag was given, so the suggestion needs it too. */
export function forDataRoot(text: string, dataDir: string | undefined): string {
  return dataDir === undefined ? text : text.replace(QUOTED_COMMAND, () => `"entmootd -data ${shellQuote(dataDir)} `);
}
