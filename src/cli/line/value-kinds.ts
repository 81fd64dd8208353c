/** What the value of a flag or an argument is. */
export type ValueKind =
  | { readonly kind: "choice"; readonly words: readonly string[]; readonly onlyThese: boolean }
  | { readonly kind: NamedKind; readonly isList: boolean };

type NamedKind =
  | "moot"
  | "member"
  | "message"
  | "topic"
  | "voice"
  | "host"
  | "operation"
  | "command"
  | "file"
  | "folder"
  | "duration"
  | "number"
  | "time"
  | "key"
  | "link"
  | "url"
  | "place"
  | "address"
  | "text";

/** By the words that help has for a value; those that end in a list take several, with commas between them. */
const KINDS: Readonly<Record<string, NamedKind>> = {
  GID: "moot",
  "ID|NAME": "moot",
  MOOT: "moot",
  "[MOOT] FILE": "moot",
  "@NAME": "member",
  MEMBER: "member",
  "MEMBER[,MEMBER]": "member",
  MESSAGE_ID: "message",
  "MESSAGE_ID[,…]": "message",
  T: "topic",
  "T[,T]": "topic",
  PATTERN: "topic",
  VOICE: "voice",
  HOST: "host",
  "HOST|-- COMMAND": "host",
  OPERATION: "operation",
  "COMMAND…": "command",
  FILE: "file",
  PATH: "file",
  "PATH|-": "file",
  "DRAFT|-": "file",
  INPUT: "file",
  DIR: "folder",
  D: "duration",
  N: "number",
  NODE: "number",
  "N,N…": "number",
  TIME: "time",
  DAY: "time",
  KEY: "key",
  LINK: "link",
  URL: "url",
  PLACE: "place",
  "ADDR[,ADDR]": "address",
};

/** Values that are words of somebody's own choice, or have a form that no list helps with. */
const TEXTS = new Set(
  "QUESTION TEXT NAME ACTION TAG WORD WORDS… JSON|- OP HEAD ID V TOKEN METHOD MS HOST:PORT OWNER/NAME HH:MM-HH:MM[,…]|off".split(
    " ",
  ),
);

/** Words that may be said where others may be too. */
const SOME_WORDS: Readonly<Record<string, readonly string[]>> = {
  "preset:NAME|none|file:PATH": ["preset:standard", "preset:relaxed", "none"],
};

const IS_WORD = /^[a-z][a-z_-]*$/;

/** Of a flag or argument that takes a value; `undefined` where its hint is none that is known. */
export function valueKindOf(def: {
  readonly type?: string | undefined;
  readonly valueHint?: string | undefined;
  readonly options?: readonly string[] | undefined;
}): ValueKind | undefined {
  if (def.type === "enum") return { kind: "choice", words: def.options ?? [], onlyThese: true };
  const hint = def.valueHint ?? "";
  const kind = Object.hasOwn(KINDS, hint) ? KINDS[hint] : TEXTS.has(hint) ? "text" : undefined;
  if (kind !== undefined) return { kind, isList: hint.includes(",") };
  const some = Object.hasOwn(SOME_WORDS, hint) ? SOME_WORDS[hint] : undefined;
  if (some !== undefined) return { kind: "choice", words: some, onlyThese: false };
  // `on|off`, `DAYS|keep`: the words in small letters are those that may be said.
  const parts = hint.split("|");
  const words = parts.filter((part) => IS_WORD.test(part));
  if (words.length === 0) return undefined;
  return { kind: "choice", words, onlyThese: words.length === parts.length };
}
