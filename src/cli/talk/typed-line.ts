import { nearest } from "../../view/nearest.ts";

/** What a finished line asks for. */
export type TypedLine =
  | { readonly kind: "nothing" | "who" | "help" | "quit" | "again" }
  | { readonly kind: "say"; readonly text: string }
  /** No name: which moots there are. */
  | { readonly kind: "moot"; readonly name: string }
  /** It looks like a command and is none; `why` says what is wrong with it. */
  | { readonly kind: "unclear"; readonly why: string };

/** What a line may begin with, as `/help` tells it. */
export const WORDS = [
  ["/moot", "which moots there are; /moot NAME goes to that one"],
  ["/who", "who is in this moot, and who is connected"],
  ["/again", "send again what could not be published just then"],
  ["/help", "this list"],
  ["/quit", "end, as Ctrl-D does"],
  ["//…", "say a line that begins with a slash: //etc/hosts says /etc/hosts"],
] as const;

const ALONE = { "/who": "who", "/help": "help", "/quit": "quit", "/again": "again" } as const;

/** Ours. Of a word in an answer about it. */
const WORD_MAX = 40;

/** What the line says. One that begins with a slash, blanks before it or not, is never taken for talk. */
export function typedLine(text: string): TypedLine {
  const line = text.trim();
  if (line === "") return { kind: "nothing" };
  if (line.startsWith("//")) return { kind: "say", text: line.slice(1) };
  if (!line.startsWith("/")) return { kind: "say", text };
  const [word = ""] = /^\S+/.exec(line) ?? [];
  const rest = line.slice(word.length).trim();
  if (word === "/moot") return { kind: "moot", name: rest };
  if (word in ALONE) {
    if (rest === "") return { kind: ALONE[word as keyof typeof ALONE] };
    return { kind: "unclear", why: `${word} takes no words after it` };
  }
  const meant = nearest(word, ["/moot", ...Object.keys(ALONE)]);
  const shown = word.length > WORD_MAX ? `${word.slice(0, WORD_MAX)}…` : word;
  return { kind: "unclear", why: `there is no ${shown}${meant === undefined ? "" : ` (did you mean ${meant}?)`}` };
}
