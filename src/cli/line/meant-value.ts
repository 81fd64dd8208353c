import { didYouMean } from "../../view/nearest.ts";
import type { Flags } from "./stray-word.ts";
import { valueKindOf } from "./value-kinds.ts";

/** The flags of a command line, and what was given for them. */
export interface GivenFlags {
  readonly known: Flags;
  readonly flags: Readonly<Record<string, string | boolean>>;
}

/**
 * What a word was probably meant for that `message` refuses, where the flag it is of takes words of a list; nothing where
 * the message says so itself or is not about such a flag.
 */
export function meantValue(message: string, { flags, known }: GivenFlags): string {
  if (message.includes("did you mean")) return "";
  for (const [name, value] of Object.entries(flags)) {
    const kind = known[name] === undefined ? undefined : valueKindOf(known[name]);
    if (kind?.kind !== "choice" || typeof value !== "string" || kind.words.includes(value)) continue;
    // As `-order` or, in the original's words, by the value alone.
    if (!message.includes(name) && !message.includes(JSON.stringify(value))) continue;
    const hint = didYouMean(value, kind.words);
    if (hint !== "") return hint;
  }
  return "";
}
