import type { ProgramWords } from "./command-words.ts";

/** Put in by the build: `ProgramWords` as JSON. */
declare const ENTMOOT_COMMAND_WORDS: string | undefined;

/** What the build found out, or, run from source, what there is now. */
export async function builtWords(): Promise<ProgramWords> {
  if (typeof ENTMOOT_COMMAND_WORDS === "string") return JSON.parse(ENTMOOT_COMMAND_WORDS) as ProgramWords;
  const { programWords } = await import("./command-words.ts");
  const { COMMANDS } = await import("../line/command-table.ts");
  const { globalFlags } = await import("../line/global-flags.ts");
  return programWords(COMMANDS, globalFlags);
}
