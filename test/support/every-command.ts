import type { EntmootCommand } from "../../src/cli/line/command.ts";
import { COMMANDS } from "../../src/cli/line/command-table.ts";

/** Every command that runs, by the words that name it: those with parts are left out, their parts are not. */
export async function everyCommand(): Promise<(readonly [path: readonly string[], command: EntmootCommand])[]> {
  const found: (readonly [readonly string[], EntmootCommand])[] = [];
  const look = async (path: readonly string[], command: EntmootCommand): Promise<void> => {
    const { subCommands } = command;
    const parts = typeof subCommands === "function" ? await subCommands() : await subCommands;
    if (parts === undefined) found.push([path, command]);
    for (const [name, part] of Object.entries(parts ?? {})) {
      await look([...path, name], (typeof part === "function" ? await part() : await part) as EntmootCommand);
    }
  };
  for (const [name, { load }] of Object.entries(COMMANDS)) await look([name], await load());
  return found;
}
