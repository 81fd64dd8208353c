import { EXIT_MEANING } from "../../core/failure-table.ts";
import { argsOf, type CommandEntry } from "./argv.ts";
import type { EntmootCommand, FlagDef } from "./command.ts";
import { factsOf, hintOf, positionalUsage } from "./help.ts";
import { positionalsOf } from "./moot-word.ts";
import type { Flags } from "./stray-word.ts";

/** What stands at the head and foot of a page. */
export interface ManStamp {
  readonly version: string;
  /** RFC 3339; anything else shows as no date. */
  readonly date: string;
}

/** A page in section 1: the name of its file, such as `entmootd-group-create.1`, and its roff. */
export interface ManPage {
  readonly name: string;
  readonly roff: string;
}

/** How the roff of the page with this file name begins, in every version. */
export function headOf(name: string): string {
  return `.TH "${text(name.replace(/\.1$/, "").toUpperCase())}" "1" "`;
}

/** One page for the program and one for each command and part of one, as its help has it. Loads every command. */
export async function manPages(
  table: Readonly<Record<string, CommandEntry>>,
  globals: Flags,
  stamp: ManStamp,
): Promise<ManPage[]> {
  const shown = Object.entries(table).filter(([, { hidden }]) => hidden !== true);
  const pages = await Promise.all(
    shown.map(async ([name, { load }]) => pagesOf([name], await load(), { globals, stamp })),
  );
  return [programPage(shown, globals, stamp), ...pages.flat()];
}

async function pagesOf(
  path: readonly string[],
  command: EntmootCommand,
  parts: { readonly globals: Flags; readonly stamp: ManStamp },
): Promise<ManPage[]> {
  const subCommands = await partsOf(command);
  const below = subCommands.map(([name, sub]) => pagesOf([...path, name], sub, parts));
  return [await commandPage(path, command, parts), ...(await Promise.all(below)).flat()];
}

function programPage(shown: readonly (readonly [string, CommandEntry])[], globals: Flags, stamp: ManStamp): ManPage {
  return page([], stamp, [
    ["NAME", [text("entmootd - signed group messaging for AI agents, peer to peer")]],
    ["SYNOPSIS", [bold("entmootd"), text("[global flags] command [flags] [arguments]")]],
    [
      "COMMANDS",
      shown.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, { description }]) => item(name, description)),
    ],
    ["GLOBAL FLAGS", flagItems(globals)],
    ["EXIT STATUS", Object.entries(EXIT_MEANING).map(([status, meaning]) => item(status, meaning))],
    [
      "SEE ALSO",
      [text(`${shown.map(([name]) => `entmootd-${name}(1)`).join(", ")}; entmootd man COMMAND prints each as well.`)],
    ],
  ]);
}

async function commandPage(
  path: readonly string[],
  command: EntmootCommand,
  { globals, stamp }: { readonly globals: Flags; readonly stamp: ManStamp },
): Promise<ManPage> {
  const args = Object.entries(await argsOf(command));
  const positionals = positionalsOf(Object.fromEntries(args));
  const own = args.filter(([flag, def]) => def.type !== "positional" && globals[flag] !== def);
  const parts = await partsOf(command);
  const described = await Promise.all(parts.map(async ([name, sub]) => item(name, await descriptionOf(sub))));
  const words = parts.length > 0 ? `${parts.map(([name]) => name).join("|")} ...` : "";
  const usage = [
    ...own.filter(([, def]) => def.required).map(([flag, def]) => `-${flag} ${hintOf(def)}`),
    ...(own.some(([, def]) => !def.required) ? ["[flags]"] : []),
    words,
    ...positionals.map(([arg, def]) => positionalUsage(arg, def)),
  ].filter((word) => word !== "");
  const { examples = [], exits = [], notes = [] } = command.help ?? {};
  return page(path, stamp, [
    ["NAME", [text(`entmootd-${path.join("-")} - ${await descriptionOf(command)}`)]],
    ["SYNOPSIS", [bold(`entmootd ${path.join(" ")}`), ...(usage.length > 0 ? [text(usage.join(" "))] : [])]],
    ["DESCRIPTION", notes.length === 0 ? [] : [text(notes.join(" "))]],
    ["OPERATIONS", described],
    ["ARGUMENTS", positionals.map(([arg, def]) => item(def.valueHint ?? arg.toUpperCase(), def.description ?? ""))],
    ["FLAGS", flagItems(Object.fromEntries(own))],
    ["EXAMPLES", examples.length === 0 ? [] : [`.nf\n${examples.map(text).join("\n")}\n.fi`]],
    ["EXIT STATUS", exits.map((exit) => item(String(exit), EXIT_MEANING[exit]))],
    [
      "SEE ALSO",
      [text(["entmootd(1)", ...parts.map(([name]) => `entmootd-${[...path, name].join("-")}(1)`)].join(", "))],
    ],
  ]);
}

async function partsOf({ subCommands }: EntmootCommand): Promise<(readonly [string, EntmootCommand])[]> {
  const parts = (typeof subCommands === "function" ? await subCommands() : await subCommands) ?? {};
  return Promise.all(
    Object.entries(parts).map(
      async ([name, sub]): Promise<readonly [string, EntmootCommand]> => [
        name,
        (typeof sub === "function" ? await sub() : await sub) as EntmootCommand,
      ],
    ),
  );
}

async function descriptionOf({ meta }: EntmootCommand): Promise<string> {
  const { description = "" } = (typeof meta === "function" ? await meta() : await meta) ?? {};
  return description;
}

function flagItems(flags: Readonly<Record<string, FlagDef>>): string[] {
  return Object.entries(flags).map(([name, def]) => {
    const hint = def.type === "boolean" ? "" : ` ${hintOf(def)}`;
    return item(`-${name}${hint}`, `${def.description ?? ""}${factsOf(def)}`);
  });
}

function page(
  path: readonly string[],
  { date, version }: ManStamp,
  sections: readonly (readonly [title: string, paragraphs: readonly string[]])[],
): ManPage {
  const name = ["entmootd", ...path].join("-");
  const day = /^\d{4}-\d\d-\d\d/.exec(date)?.[0] ?? "";
  const head = `${headOf(name)}${day}" "${text(`entmootd ${version}`)}" "Entmoot"`;
  const shown = sections
    .filter(([, paragraphs]) => paragraphs.length > 0)
    .map(([title, paragraphs]) => `.SH "${title}"\n${paragraphs.join("\n")}`);
  return { name: `${name}.1`, roff: `${[head, ...shown].join("\n")}\n` };
}

function item(label: string, meaning: string): string {
  return `.TP\n${bold(label)}\n${text(meaning)}`;
}

function bold(words: string): string {
  return `\\fB${escaped(words)}\\fR`;
}

/** Words as roff shows them: no backslash, dash or beginning of a line means anything else. */
function text(words: string): string {
  return escaped(words).replace(/^([.'])/gm, "\\&$1");
}

function escaped(words: string): string {
  return words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replace(/[^\n -~]/gu, (char) => `\\[u${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`);
}
