import type { ArgDef, ArgsDef, CommandDef } from "citty";
import type { ExitStatus } from "../../core/failure-table.ts";

/** What a flag or argument may say beyond citty's own fields; read by `argv.ts` and `help.ts`. */
export interface FlagExtras {
  /** May be given more than once; read the value with `repeated`. */
  readonly repeatable?: boolean;
  /** A positional that takes all remaining arguments; read them from `args._`. */
  readonly variadic?: boolean;
  /** The environment variable that gives the value when the flag is absent. The command reads it, this documents it. */
  readonly env?: string;
  /** Shown as the default in help where citty must not know one, because a variable may come first. */
  readonly defaultHint?: string;
}

/** A flag or positional argument of a command. */
export type FlagDef = ArgDef & FlagExtras;

/** The parts of a command's help that citty has no field for. */
export interface CommandHelp {
  /** Full command lines, at least one. */
  readonly examples: readonly string[];
  /** The statuses this command can end with, ascending. */
  readonly exits: readonly ExitStatus[];
  /** What stands although the answer could not be printed, and how to look: for a command that acts before it prints. */
  readonly effect?: string;
  /** Flags nobody knows are words: for a command that says no whatever it is asked. */
  readonly anyFlags?: boolean;
  /** Flags that people leave out ahead of their values: `publish chat hello`. A refusal of such a word names them. */
  readonly words?: readonly string[];
  /** Wire with the original, where it has words of its own for a part that is missing or unknown; `op` is quoted. */
  readonly ops?: { readonly missing: string; readonly unknown: (op: string) => string };
  /** Paragraphs after the flags, where one line of description is not enough. */
  readonly notes?: readonly string[];
}

/** A citty command with its help. Dispatcher words (`group`) have `subCommands` and no `run`. */
// biome-ignore lint/suspicious/noExplicitAny: commands differ in their args; only their own `run` reads them.
export type EntmootCommand = CommandDef<any> & { readonly help?: CommandHelp };

/** citty's `defineCommand`, which also takes `help`. */
export function defineCommand<const T extends ArgsDef>(
  definition: CommandDef<T> & { readonly help?: CommandHelp },
): CommandDef<T> & { readonly help?: CommandHelp } {
  return definition;
}

/** Between the values of a repeated flag. No argument of a process can hold a NUL. */
export const REPEAT_SEPARATOR = "\0";

/** The values of a repeatable flag in the order given; none when it was absent. */
export function repeated(value: string | undefined): string[] {
  return value === undefined ? [] : value.split(REPEAT_SEPARATOR);
}
