import type { FlagDef } from "./command.ts";

export type Flags = Readonly<Record<string, FlagDef>>;

/** A command, as far as its words are concerned. */
export interface ReadBy {
  readonly name: string;
  readonly own: Flags;
  readonly globals: Flags;
  /** Flags that people forget to write ahead of their values. */
  readonly words: readonly string[];
}

/** What word processors and pages make of a dash. */
const DASHES = /^[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d]+/;

/** The flag that `word` was meant for, had its dash not been made another one. */
export function flagMeant(word: string, { globals, own }: ReadBy): string | undefined {
  if (word.startsWith("-")) return undefined;
  const flag = word.replace(DASHES, "").replace(/=.*$/s, "");
  return flag !== word && (Object.hasOwn(own, flag) || Object.hasOwn(globals, flag)) ? flag : undefined;
}

/** What a word that nobody reads was probably meant for. */
export function wordHint(
  { globals, own, words }: ReadBy,
  { behind, given }: { readonly behind: string | undefined; readonly given: Readonly<Record<string, unknown>> },
): string {
  const missing = words.filter((name) => given[name] === undefined).map((name) => `-${name}`);
  const meant = missing.length === 0 ? "" : `; did you mean ${missing.join(" and ")}?`;
  const isOwn = behind !== undefined && own[behind] !== globals[behind];
  if (behind === undefined || (!isOwn && meant !== "")) return meant;
  return `; if it belongs to -${behind}, put the whole value in quotes${meant}`;
}
