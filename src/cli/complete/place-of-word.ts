import type { CommandWords, ProgramWords, WordDef } from "./command-words.ts";

type Defs = Readonly<Record<string, WordDef>>;

/** What the word that is being typed is. */
export type WordPlace =
  | { readonly kind: "command"; readonly of: Readonly<Record<string, CommandWords>> }
  | { readonly kind: "flag"; readonly flags: Defs; readonly dashes: string }
  | {
      readonly kind: "value";
      readonly def: WordDef;
      /** What was typed of it, and what of the word stands ahead of it, such as `-group=`. */
      readonly typed: string;
      readonly ahead: string;
      /** What else may stand there. */
      readonly flags: Defs;
    }
  | { readonly kind: "nothing" };

/** A line as far as it was read. Unlike `readCommandLine` nothing on it is refused: it is not finished yet. */
export interface HalfLine {
  readonly place: WordPlace;
  /** Flags given ahead, by name. */
  readonly given: Readonly<Record<string, string | boolean>>;
}

/** Of everything that is behind `--` and no argument of ours. */
const ANY_FILE: WordDef = { type: "string", valueHint: "PATH" };

/** Where `word` stands behind the words `ahead`. */
export function placeOfWord(ahead: readonly string[], word: string, program: ProgramWords): HalfLine {
  const given: Record<string, string | boolean> = {};
  let args: Defs = program.globals;
  let parts: Readonly<Record<string, CommandWords>> | undefined = program.commands;
  let isBehindDashes = false;
  let awaited: string | undefined;
  let positionals = 0;
  for (const each of ahead) {
    if (awaited !== undefined) {
      given[awaited] = each;
      awaited = undefined;
    } else if (!isBehindDashes && each === "--") isBehindDashes = true;
    else if (!isBehindDashes && each.startsWith("-") && each !== "-") {
      const { name: written, value } = flagOf(each);
      const name = nameOf(args, written);
      if (name === undefined) continue;
      if (args[name]!.type === "boolean") given[name] = value ?? true;
      else if (value !== undefined) given[name] = value;
      else awaited = name;
    } else if (parts === undefined) positionals++;
    else if (Object.hasOwn(parts, each)) {
      // What it prints a page of is a command too.
      const isManual: boolean = each === "man" && parts === program.commands;
      args = { ...args, ...parts[each]!.args };
      parts = isManual ? parts : parts[each]!.parts;
    } else if (each !== "help") return { place: { kind: "nothing" }, given };
  }
  const flags = Object.fromEntries(Object.entries(args).filter(([, def]) => def.type !== "positional"));
  return { given, place: placeNow({ args, awaited, flags, isBehindDashes, parts, positionals, word }) };
}

interface Reached {
  readonly args: Defs;
  readonly awaited: string | undefined;
  readonly flags: Defs;
  readonly isBehindDashes: boolean;
  readonly parts: Readonly<Record<string, CommandWords>> | undefined;
  readonly positionals: number;
  readonly word: string;
}

function placeNow({ args, awaited, flags, isBehindDashes, parts, positionals, word }: Reached): WordPlace {
  const value = (def: WordDef, others: Defs): WordPlace => ({
    kind: "value",
    def,
    typed: word,
    ahead: "",
    flags: others,
  });
  if (awaited !== undefined) return value(args[awaited]!, {});
  if (!isBehindDashes && word.startsWith("-")) return placeOfFlag(word, flags);
  if (parts !== undefined) return { kind: "command", of: parts };
  const def = nthPositional(args, positionals);
  // Where another command may stand behind the dashes, files are what it is about.
  const isOfOther = isBehindDashes && def?.valueHint?.includes("-- ");
  if (def !== undefined && !isOfOther) return value(def, isBehindDashes ? {} : flags);
  if (isBehindDashes) return value(ANY_FILE, {});
  return word === "" ? { kind: "flag", flags, dashes: "-" } : { kind: "nothing" };
}

function placeOfFlag(word: string, flags: Defs): WordPlace {
  const { name, value } = flagOf(word);
  if (value === undefined) return { kind: "flag", flags, dashes: word.startsWith("--") ? "--" : "-" };
  const known = nameOf(flags, name);
  if (known === undefined) return { kind: "nothing" };
  return {
    kind: "value",
    def: flags[known]!,
    typed: value,
    ahead: word.slice(0, word.length - value.length),
    flags: {},
  };
}

/** The one that takes the next word; one that takes all that are left takes every further one too. */
function nthPositional(args: Defs, at: number): WordDef | undefined {
  const all = Object.values(args).filter((def) => def.type === "positional");
  const last = all.at(-1);
  return all[at] ?? (last?.variadic ? last : undefined);
}

function nameOf(flags: Defs, written: string): string | undefined {
  if (Object.hasOwn(flags, written)) return written;
  return Object.keys(flags).find((name) => flags[name]!.alias?.includes(written));
}

function flagOf(word: string): { readonly name: string; readonly value: string | undefined } {
  const [, name, value] = /^--?([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
  return { name: name ?? "", value };
}
