import { EXIT_MEANING } from "../../core/failure-table.ts";
import { argsOf, type CommandEntry } from "./argv.ts";
import type { EntmootCommand, FlagDef } from "./command.ts";
import { positionalsOf } from "./moot-word.ts";

/** Ours. A line of a terminal, with its margin and the sign of what follows. */
const OPERATIONS_CHARS_MAX = 70;

/** The help of the program itself. Prints from the table alone, so no command is loaded. */
export function programHelp(
  table: Readonly<Record<string, CommandEntry>>,
  globals: Readonly<Record<string, FlagDef>>,
): string {
  const entries = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1));
  const rows = (optIn: boolean) =>
    entries
      .filter(([, entry]) => (entry.optIn ?? false) === optIn && entry.hidden !== true)
      .map(([name, entry]): HelpRow => [name, entry.description]);
  return sections([
    ["", ["Signed group messaging for AI agents, peer to peer."]],
    ["usage", ["entmootd [global flags] <command> [flags] [arguments]"]],
    ["commands", columns(rows(false))],
    ["opt-in coordination", columns(rows(true))],
    ["global flags", columns(flagRows(globals))],
    [
      "for agents",
      paragraph(["With ENTMOOT_AGENT_SOCKET=FILE commands speak over an agents' socket, without a data root."]),
    ],
    ["", ['Flags take one dash or two, "-name value" or "-name=value".', '"entmootd <command> -help" tells more.']],
  ]);
}

/** Behind a help: what to write for `entmootd` where it is called something else, such as `./dist/entmootd`. */
export function namedHere(program: string): string {
  const line = `  ${program}`;
  return program === "entmootd" || line.length > WIDTH
    ? ""
    : `\nentmootd is not on PATH here; write instead:\n${line}\n`;
}

/** The help of one command; `path` is the words that name it. Flags that every command takes are not repeated. */
export async function commandHelp(
  path: readonly string[],
  command: EntmootCommand,
  globals: Readonly<Record<string, FlagDef>>,
): Promise<string> {
  const name = `entmootd ${path.join(" ")}`;
  const args = Object.entries(await argsOf(command));
  const positionals = positionalsOf(Object.fromEntries(args));
  const own = args.filter(([flag, def]) => def.type !== "positional" && globals[flag] !== def);
  const operations = await operationRows(command);
  const usage = [
    name,
    ...own.filter(([, def]) => def.required).map(([flag, def]) => `-${flag} ${hintOf(def)}`),
    ...(own.some(([, def]) => !def.required) ? ["[flags]"] : []),
    ...(operations.length > 0 ? [`${operationsText(operations.map(([op]) => op))} …`] : []),
    ...positionals.map(([arg, def]) => positionalUsage(arg, def)),
  ];
  return sections([
    ["", [(await metaOf(command)).description ?? ""]],
    ["usage", wrapped(usage.join(" "), WIDTH - INDENT, "    ")],
    ["operations", columns(operations)],
    [
      "arguments",
      columns(positionals.map(([arg, def]): HelpRow => [def.valueHint ?? arg.toUpperCase(), def.description ?? ""])),
    ],
    ["flags", columns(flagRows(Object.fromEntries(own)))],
    ["notes", paragraph(command.help?.notes ?? [])],
    ["example", [...(command.help?.examples ?? [])]],
    ["exit status", columns((command.help?.exits ?? []).map((exit): HelpRow => [String(exit), EXIT_MEANING[exit]]))],
    ["", ['Global flags such as -data: see "entmootd -help".']],
  ]);
}

type HelpRow = readonly [label: string, text: string];

async function operationRows(command: EntmootCommand): Promise<HelpRow[]> {
  const part = command.subCommands;
  const subCommands = (typeof part === "function" ? await part() : await part) ?? {};
  return Promise.all(
    Object.entries(subCommands).map(async ([name, sub]): Promise<HelpRow> => {
      const resolved = (typeof sub === "function" ? await sub() : await sub) as EntmootCommand;
      return [name, (await metaOf(resolved)).description ?? ""];
    }),
  );
}

async function metaOf(command: EntmootCommand): Promise<{ description?: string }> {
  const { meta } = command;
  return (typeof meta === "function" ? await meta() : await meta) ?? {};
}

function flagRows(flags: Readonly<Record<string, FlagDef>>): HelpRow[] {
  return Object.entries(flags).map(([name, def]): HelpRow => {
    const alias = "alias" in def && def.alias !== undefined ? [def.alias].flat().map((other) => `, -${other}`) : [];
    const hint = def.type === "boolean" ? "" : ` ${hintOf(def)}`;
    return [`-${name}${alias.join("")}${hint}`, `${def.description ?? ""}${factsOf(def)}`];
  });
}

/** What is to be known of a flag beside its meaning: ` (required; default 5)`. */
export function factsOf(def: FlagDef): string {
  const fallback =
    def.defaultHint ?? (def.default === undefined || def.default === "" ? undefined : String(def.default));
  const facts = [
    ...(def.required ? ["required"] : []),
    ...(def.repeatable ? ["repeatable"] : []),
    ...(fallback === undefined ? [] : [`default ${fallback}`]),
    ...(def.env === undefined ? [] : [`env ${def.env}`]),
  ];
  return facts.length === 0 ? "" : ` (${facts.join("; ")})`;
}

/** What stands for the value of a flag. */
export function hintOf(def: FlagDef): string {
  if (def.type === "enum" && def.options !== undefined) return def.options.join("|");
  return def.valueHint ?? "VALUE";
}

/** An argument as usage has it: `<WHAT>`, or `[WHAT]` where it may be left out. */
export function positionalUsage(name: string, def: FlagDef): string {
  const shown = def.valueHint ?? name.toUpperCase();
  const word = def.variadic && !shown.endsWith("…") ? `${shown}…` : shown;
  return def.required === false || def.default !== undefined ? `[${word}]` : `<${word}>`;
}

/** Ours. Labels wider than this take a line of their own, so one long flag does not push all texts to the right. */
const LABEL_MAX = 26;
/** Ours. What every terminal shows on a line. */
const WIDTH = 80;
/** What `sections` puts ahead of each line of a titled section. */
const INDENT = 2;

function columns(rows: readonly HelpRow[]): string[] {
  const width = Math.max(0, ...rows.map(([label]) => label.length).filter((length) => length <= LABEL_MAX));
  return rows.flatMap(([label, text]) => {
    const lines = wrapped(text, WIDTH - INDENT - width - 2);
    const isWide = label.length > width;
    const labels = isWide ? wrapped(label, WIDTH - INDENT) : [];
    return [
      ...labels,
      ...lines.map((line, at) => `${(at === 0 && !isWide ? label : "").padEnd(width)}  ${line}`.trimEnd()),
    ];
  });
}

/** `text` on lines of at most `width` characters, broken at blanks; a word that alone is longer stays whole. */
function wrapped(text: string, width: number, hanging = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= width || line === "") line = longer;
    else {
      lines.push(line);
      line = hanging + word;
    }
  }
  return [...lines, line];
}

/** Notes are one text however the source breaks it. */
function paragraph(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : wrapped(lines.join(" "), WIDTH - INDENT);
}

function sections(parts: readonly (readonly [title: string, lines: readonly string[]])[]): string {
  return parts
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) =>
      title === ""
        ? lines.flatMap((line) => wrapped(line, WIDTH)).join("\n")
        : `${title}:\n${lines.map((line) => `  ${line}`).join("\n")}`,
    )
    .join("\n\n")
    .concat("\n");
}

/** They stand below with what each does; on the line itself as far as a line has room. */
function operationsText(names: readonly string[]): string {
  const text = names.join("|");
  return text.length > OPERATIONS_CHARS_MAX ? "OPERATION" : text;
}
