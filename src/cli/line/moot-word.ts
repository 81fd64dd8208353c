import type { FlagDef } from "./command.ts";
import type { Flags } from "./stray-word.ts";

/** The argument that names the moot of a command whose only argument that is: `peers council` is `peers -group council`. */
const MOOT_WORD: FlagDef = {
  type: "positional",
  required: false,
  valueHint: "MOOT",
  description: "the same as -group",
};

/** The arguments of a command, the one that stands for `-group` among them where a command has no other. */
export function positionalsOf(own: Flags): (readonly [name: string, def: FlagDef])[] {
  const all = Object.entries(own).filter(([, def]) => def.type === "positional");
  return all.length === 0 && takesOne(own) ? [["moot", MOOT_WORD]] : all;
}

/** The moot that the words of a line name beside its flags; `undefined` where they may be meant for something else. */
export function mootWord(
  own: Flags,
  line: {
    readonly positionals: readonly string[];
    readonly given: Readonly<Record<string, unknown>>;
    /** Flags that people leave out ahead of their values. */
    readonly words: readonly string[];
    /** The flag whose value stands right ahead of the word. */
    readonly behind: string | undefined;
  },
): string | undefined {
  const [only, ...more] = line.positionals;
  if (only === undefined || more.length > 0 || positionalsOf(own)[0]?.[1] !== MOOT_WORD) return undefined;
  const isForAnother = line.words.some((name) => name !== "group" && line.given[name] === undefined);
  // What stands behind a value may be the rest of it, left without quotes.
  const isRest = line.behind !== undefined && Object.hasOwn(own, line.behind);
  return isForAnother || isRest || line.given.group !== undefined ? undefined : only;
}

function takesOne({ group, moot }: Flags): boolean {
  return group !== undefined && moot === undefined && group.type === "string" && !group.repeatable;
}
