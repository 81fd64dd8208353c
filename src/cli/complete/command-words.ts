import { argsOf, type CommandEntry } from "../line/argv.ts";
import type { EntmootCommand, FlagDef } from "../line/command.ts";
import { positionalsOf } from "../line/moot-word.ts";
import type { Flags } from "../line/stray-word.ts";

/** What completion knows of a flag or argument. */
export interface WordDef {
  readonly type?: FlagDef["type"];
  readonly description?: string | undefined;
  readonly valueHint?: string | undefined;
  readonly variadic?: boolean | undefined;
  readonly alias?: readonly string[];
  readonly options?: readonly string[];
}

/** The words of a command, its own flags and arguments in order, or its parts. */
export interface CommandWords {
  readonly description: string;
  readonly hidden?: boolean;
  readonly args: Readonly<Record<string, WordDef>>;
  readonly parts?: Readonly<Record<string, CommandWords>>;
}

/** All that completion knows without loading a command. */
export interface ProgramWords {
  readonly globals: Readonly<Record<string, WordDef>>;
  readonly commands: Readonly<Record<string, CommandWords>>;
}

/** Loads every command, and says what it reads. The build does so once, since nobody waits so long at a tab. */
export async function programWords(
  table: Readonly<Record<string, CommandEntry>>,
  globals: Flags,
): Promise<ProgramWords> {
  const commands: Record<string, CommandWords> = {};
  for (const [name, entry] of Object.entries(table)) {
    const words = await commandWords(await entry.load(), globals);
    commands[name] = entry.hidden ? { ...words, hidden: true } : words;
  }
  return { globals: wordDefs(globals), commands };
}

async function commandWords(command: EntmootCommand, globals: Flags): Promise<CommandWords> {
  const { meta, subCommands } = command;
  const { description = "" } = (typeof meta === "function" ? await meta() : await meta) ?? {};
  const own = Object.entries(await argsOf(command)).filter(([name, def]) => globals[name] !== def);
  const args = wordDefs({ ...Object.fromEntries(own), ...Object.fromEntries(positionalsOf(Object.fromEntries(own))) });
  const subs = typeof subCommands === "function" ? await subCommands() : await subCommands;
  if (subs === undefined) return { description, args };
  const parts: Record<string, CommandWords> = {};
  for (const [name, sub] of Object.entries(subs)) {
    parts[name] = await commandWords((typeof sub === "function" ? await sub() : await sub) as EntmootCommand, globals);
  }
  return { description, args, parts };
}

function wordDefs(flags: Flags): Record<string, WordDef> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, def]): [string, WordDef] => {
      const { description, type = "string", valueHint, variadic } = def;
      const alias = "alias" in def && def.alias !== undefined ? { alias: [def.alias].flat() } : {};
      const options = def.type === "enum" && def.options !== undefined ? { options: def.options } : {};
      return [name, { description, type, valueHint, variadic, ...alias, ...options }];
    }),
  );
}
