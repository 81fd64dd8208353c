import type { ArgsDef } from "citty";
import { EntmootError } from "../../core/errors.ts";
import { didYouMean } from "../../view/nearest.ts";
import { type EntmootCommand, type FlagDef, REPEAT_SEPARATOR } from "./command.ts";
import { booleanOf } from "./flag-values.ts";
import { listedBy } from "./listed-by.ts";
import { mootWord } from "./moot-word.ts";
import { type Flags, flagMeant, type ReadBy, wordHint } from "./stray-word.ts";

/** One line of the command table: what help prints without loading the command, and how to load it. */
export interface CommandEntry {
  readonly description: string;
  /** Listed apart in help: parts that are off until a variable turns them on. */
  readonly optIn?: boolean;
  /** Left out of help and of lists: for programs, not for people. */
  readonly hidden?: boolean;
  readonly load: () => Promise<EntmootCommand>;
}

/** What the person asked for. */
export type Request =
  | { readonly kind: "help"; readonly path: readonly string[]; readonly command: EntmootCommand | undefined }
  | { readonly kind: "nothing" }
  | {
      readonly kind: "run";
      /** The words that name the command, such as `["group", "create"]`. */
      readonly path: readonly string[];
      readonly command: EntmootCommand;
      /** For citty's `runCommand`: only `--name=value`, then `--`, then positionals. */
      readonly rawArgs: readonly string[];
      /** Every flag given, by name. Repeated values as `repeated` reads them. */
      readonly flags: Readonly<Record<string, string | boolean>>;
      /** Those of `flags` that are global ones, and not a command's own of the same name. */
      readonly globals: Readonly<Record<string, string | boolean>>;
    };

/**
 * Reads a command line as its users write it: `-name` or `--name`, `=value` or the next argument, globals
 * before or after the command, flags before or after positionals until `--`. Throws `invalid_argument` for
 * an unknown command or flag, a flag without its value or with two, a bad boolean, a missing required flag or an
 * argument that the command does not read: nothing that was said is passed over.
 */
export async function readCommandLine(
  argv: readonly string[],
  table: Readonly<Record<string, CommandEntry>>,
  globals: Flags,
): Promise<Request> {
  const words = new Reader(argv, globals);
  const name = words.nextWord();
  if (name === undefined && words.help) return { kind: "help", path: [], command: undefined };
  if (name === undefined) return words.version ? readCommandLine(["version"], table, globals) : { kind: "nothing" };
  if (name === "help" && !Object.hasOwn(table, name)) return helpFor(words, table);

  if (words.version) throw new EntmootError("invalid_argument", "flag provided but not defined: -version");
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry === undefined) {
    throw new EntmootError(
      "invalid_argument",
      `unknown subcommand ${JSON.stringify(name)}${listedBy(name) || didYouMean(name, shownNames(table))}`,
    );
  }
  const path = [name];
  let command = await entry.load();
  words.anyFlags = command.help?.anyFlags ?? false;
  for (;;) {
    const subCommands = await resolveOnce(command.subCommands);
    words.allow(((await resolveOnce(command.args)) ?? {}) as Flags);
    if (subCommands === undefined) break;
    const op = words.nextWord();
    const wanted = path.join(" ");
    if (words.help && op === undefined) return { kind: "help", path, command };
    const ops = Object.keys(subCommands).join(", ");
    const said = command.help?.ops;
    if (op === undefined) {
      throw new EntmootError("invalid_argument", said?.missing ?? `${wanted}: missing op (want: ${ops})`);
    }
    if (!Object.hasOwn(subCommands, op)) {
      if (op === "help") return { kind: "help", path, command };
      const unknown = said?.unknown(JSON.stringify(op)) ?? `${wanted}: unknown op ${JSON.stringify(op)} (want: ${ops})`;
      const hint = listedBy(`${wanted} ${op}`) || didYouMean(op, Object.keys(subCommands));
      throw new EntmootError("invalid_argument", `${unknown}${hint}`);
    }
    command = (await resolveOnce(subCommands[op])) as EntmootCommand;
    path.push(op);
  }

  words.readRest(path.join(" "));
  if (words.help) return { kind: "help", path, command };
  const own = ((await resolveOnce(command.args)) ?? {}) as Flags;
  check({ name: path.join(" "), own, globals, words: command.help?.words ?? [] }, words);
  const isGlobal = (flag: string) => Object.hasOwn(globals, flag) && (own[flag] ?? globals[flag]) === globals[flag];
  const given = Object.fromEntries(Object.entries(words.values).filter(([flag]) => isGlobal(flag)));
  return { kind: "run", path, command, rawArgs: words.toCitty(), flags: words.values, globals: given };
}

/** Whether failures are asked for as JSON, also on a command line that cannot be read; by a word for no they are not. */
export function asksForJsonErrors(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  const words = argv.slice(0, end < 0 ? argv.length : end);
  const last = words.findLast((arg) => /^--?(?:no-)?json-errors(?:=|$)/.test(arg));
  if (last === undefined || /^--?no-/.test(last)) return false;
  // A word that is neither is refused, in JSON: who writes the flag reads that.
  return booleanOf(split(last).value ?? "true") !== false;
}

/** `help group create` is `group create -help`. */
async function helpFor(words: Reader, table: Readonly<Record<string, CommandEntry>>): Promise<Request> {
  const rest: string[] = [];
  for (let word = words.nextWord(); word !== undefined; word = words.nextWord()) rest.push(word);
  const request = await readCommandLine([...rest, "-help"], table, {});
  const path = "path" in request ? request.path : [];
  const extra = rest[path.length];
  if (extra === undefined || extra === "help") return request;
  throw new EntmootError("invalid_argument", `help: ${path.join(" ")} has no part called ${JSON.stringify(extra)}`);
}

/** What citty would check with texts of its own: required flags, choices, and arguments nobody reads. */
function check(checked: ReadBy, words: Reader): void {
  const { name: command, own } = checked;
  for (const word of words.anyFlags ? [] : words.positionals) {
    const flag = flagMeant(word, checked);
    if (flag === undefined) continue;
    const text = `${command}: unexpected argument ${JSON.stringify(word)}; did you mean -${flag}? It begins with another dash`;
    throw new EntmootError("invalid_argument", text);
  }
  const given = {
    positionals: words.positionals,
    given: words.values,
    words: checked.words,
    behind: words.valueAhead(0),
  };
  const moot = words.anyFlags ? undefined : mootWord(own, given);
  if (moot !== undefined) words.nameMoot(moot);
  let positionalsMax = 0;
  for (const [name, def] of Object.entries(own)) {
    if (def.type === "positional") {
      if (def.required !== false && def.default === undefined && words.positionals.length <= positionalsMax) {
        throw new EntmootError("invalid_argument", `${command}: missing ${def.valueHint ?? name}`);
      }
      positionalsMax = def.variadic ? Number.POSITIVE_INFINITY : positionalsMax + 1;
      continue;
    }
    const value = words.values[name];
    if (value === undefined && def.required && def.default === undefined) {
      throw new EntmootError("invalid_argument", `${command}: -${name} is required`);
    }
    if (def.type === "enum" && value !== undefined && !def.options?.includes(String(value))) {
      const choices = def.options?.join(" or ") ?? "nothing";
      throw new EntmootError(
        "invalid_argument",
        `${command}: -${name} must be ${choices}, found ${JSON.stringify(value)}${didYouMean(String(value), def.options ?? [])}`,
      );
    }
  }
  const [extra] = words.anyFlags ? [] : words.positionals.slice(positionalsMax);
  if (extra === undefined) return;
  const hint = wordHint(checked, { behind: words.valueAhead(positionalsMax), given: words.values });
  throw new EntmootError("invalid_argument", `${command}: unexpected argument ${JSON.stringify(extra)}${hint}`);
}

/** Walks over the arguments once. Flags become known as the command is found, so a flag is read when reached. */
class Reader {
  help = false;
  /** "-version" where a command was expected. */
  version = false;
  /** Unknown flags are words. */
  anyFlags = false;
  readonly positionals: string[] = [];
  /** Of each positional the flag whose value stood right ahead of it, as when a value was not quoted. */
  readonly #behind: (string | undefined)[] = [];
  #lastValued: string | undefined;
  readonly values: Record<string, string | boolean> = {};
  readonly #argv: readonly string[];
  readonly #globals: Flags;
  readonly #known = new Map<string, { readonly name: string; readonly def: FlagDef }>();
  #at = 0;
  #flagsEnded = false;

  constructor(argv: readonly string[], globals: Flags) {
    this.#argv = argv;
    this.#globals = globals;
    this.allow(globals);
  }

  /** Makes `flags` known from here on. A command's own flag hides a global one of the same name. */
  allow(flags: Flags): void {
    for (const [name, def] of Object.entries(flags)) {
      if (def.type === "positional") continue;
      this.#known.set(name, { name, def });
      const alias = "alias" in def ? (def.alias ?? []) : [];
      for (const other of typeof alias === "string" ? [alias] : alias) this.#known.set(other, { name, def });
    }
  }

  /** The next argument that is not a flag, reading the flags before it; `undefined` at the end. */
  nextWord(): string | undefined {
    while (this.#at < this.#argv.length) {
      const arg = this.#argv[this.#at++]!;
      if (this.#readFlag(arg, "")) continue;
      // The command stands between a flag ahead of it and what comes behind.
      this.#lastValued = undefined;
      return arg;
    }
    return undefined;
  }

  /** Reads all that is left: flags to `values`, the others to `positionals`. */
  readRest(command: string): void {
    while (this.#at < this.#argv.length) {
      const arg = this.#argv[this.#at++]!;
      if (this.#readFlag(arg, command)) continue;
      this.positionals.push(arg);
      this.#behind.push(this.#lastValued);
    }
  }

  /** The flag whose value stands right ahead of this positional. */
  valueAhead(positional: number): string | undefined {
    return this.#behind[positional];
  }

  /** Takes the only word for the value of `-group`. */
  nameMoot(moot: string): void {
    this.positionals.length = 0;
    this.values.group = moot;
  }

  toCitty(): string[] {
    const flags = Object.entries(this.values).map(([name, value]) => `--${name}=${value}`);
    return this.positionals.length === 0 ? flags : [...flags, "--", ...this.positionals];
  }

  /** `false` when `arg` is a word. `--` alone is neither: it ends the flags. */
  #readFlag(arg: string, command: string): boolean {
    if (this.#flagsEnded || arg === "-" || !arg.startsWith("-")) return false;
    this.#lastValued = undefined;
    if (arg === "--") {
      this.#flagsEnded = true;
      return true;
    }
    const { name, value } = split(arg);
    if (name === "" || name.startsWith("-")) throw new EntmootError("invalid_argument", `bad flag syntax: ${arg}`);
    const flag = this.#known.get(name);
    if (flag !== undefined) {
      this.#set(flag.name, flag.def, this.#valueOf(flag.name, flag.def, value));
      return true;
    }
    if (value === undefined && (name === "h" || name === "help")) {
      this.help = true;
      return true;
    }
    if (value === undefined && name === "version" && command === "") {
      this.version = true;
      return true;
    }
    const positive = name.startsWith("no-") ? this.#known.get(name.slice(3)) : undefined;
    if (positive?.def.type === "boolean" && value === undefined) {
      this.#set(positive.name, positive.def, false);
      return true;
    }
    if (this.anyFlags) return false;
    const hint = command === "" ? "" : `; run "entmootd ${command} -help" for its flags`;
    const close = didYouMean(name, [...this.#known.keys(), "help"], "-");
    throw new EntmootError("invalid_argument", `flag provided but not defined: -${name}${close}${hint}`);
  }

  #valueOf(name: string, def: FlagDef, value: string | undefined): string | boolean {
    if (def.type === "boolean") {
      if (value === undefined) return true;
      const parsed = booleanOf(value);
      if (parsed !== undefined) return parsed;
      throw new EntmootError(
        "invalid_argument",
        `invalid boolean value ${JSON.stringify(value)} for -${name}: expected true or false`,
      );
    }
    if (value !== undefined) return value;
    const next = this.#argv[this.#at];
    // A number below zero or a lone dash is a value; a flag's own name is a forgotten one.
    if (next === undefined || next === "--" || this.#namesFlag(next)) {
      const hint = next === undefined ? "" : `; write -${name}=${next} if that is the value`;
      throw new EntmootError("invalid_argument", `flag needs an argument: -${name}${hint}`);
    }
    this.#at += 1;
    this.#lastValued = name;
    return next;
  }

  #namesFlag(arg: string): boolean {
    if (!arg.startsWith("-") || arg === "-") return false;
    const { name } = split(arg);
    return name === "h" || name === "help" || this.#known.has(name);
  }

  #set(name: string, def: FlagDef, value: string | boolean): void {
    const earlier = Object.hasOwn(this.values, name) ? this.values[name] : undefined;
    if (def.repeatable && earlier !== undefined) this.values[name] = `${earlier}${REPEAT_SEPARATOR}${value}`;
    // A setting for every command may stand in an alias or a wrapper, and be said anew.
    else if (earlier === undefined || earlier === value || this.#globals[name] === def) this.values[name] = value;
    else {
      const both = [earlier, value].map((one) => JSON.stringify(one).slice(0, 80)).join(" and ");
      throw new EntmootError("invalid_argument", `-${name}: expected one value, found ${both}`);
    }
  }
}

function split(arg: string): { name: string; value: string | undefined } {
  const bare = arg.slice(arg.startsWith("--") ? 2 : 1);
  const equals = bare.indexOf("=");
  return equals < 0 ? { name: bare, value: undefined } : { name: bare.slice(0, equals), value: bare.slice(equals + 1) };
}

function shownNames(table: Readonly<Record<string, CommandEntry>>): string[] {
  return Object.entries(table).flatMap(([name, { hidden }]) => (hidden === true ? [] : [name]));
}

/** citty lets each part of a command be a value, a promise or a function that gives one. */
async function resolveOnce<T>(
  part: T | Promise<T> | (() => T) | (() => Promise<T>) | undefined,
): Promise<T | undefined> {
  return typeof part === "function" ? await (part as () => T | Promise<T>)() : await part;
}

/** For tests and help: the args of a command, resolved. */
export async function argsOf(command: EntmootCommand): Promise<Flags> {
  return ((await resolveOnce<ArgsDef>(command.args)) ?? {}) as Flags;
}
