import { shownLine } from "../../core/bytes/shown-text.ts";
import { type ValueKind, valueKindOf } from "../line/value-kinds.ts";
import type { WordDef } from "./command-words.ts";
import type { HalfLine } from "./place-of-word.ts";

/** One word that may stand there, and what it is. */
export interface WordCandidate {
  readonly text: string;
  readonly note: string;
}

/** What may be typed next: words, or names of files, which the shell knows best. */
export interface Completion {
  readonly candidates: readonly WordCandidate[];
  readonly files: "files" | "folders" | "none";
}

/** What a node holds that can be named. Gives what it can in a moment, and less where it cannot. */
export type NamesHere = (kind: NamedHere, given: HalfLine["given"]) => Promise<readonly WordCandidate[]>;

/** What has to be looked up. */
export type NamedHere = "moot" | "member" | "message" | "topic" | "voice" | "host" | "operation";

const NONE: Completion = { candidates: [], files: "none" };
/** Ours. What a shell shows on one screen. */
const CANDIDATES_MAX = 200;
const DURATIONS = ["30s", "5m", "1h", "24h", "7d", "30d"];
const TIMES = ["now", "today", "yesterday", "2h", "1d", "1w"];

/** What may come where the word `word` stands. */
export async function completionOf({ given, place }: HalfLine, word: string, named: NamesHere): Promise<Completion> {
  switch (place.kind) {
    case "command":
      return matching(
        word,
        Object.entries(place.of)
          .filter(([, { hidden }]) => hidden !== true)
          .map(([text, { description }]) => ({ text, note: description })),
      );
    case "flag":
      return matching(
        word,
        Object.entries(place.flags).map(([name, def]) => flagWord(`${place.dashes}${name}`, def)),
      );
    case "value": {
      const { ahead, def, typed } = place;
      const found = await valuesOf(def, { typed, given, named });
      // Where a flag may stand, what begins as one is read as one.
      const mayBeFlag = Object.keys(place.flags).length > 0;
      const candidates = found.candidates
        .filter(({ text }) => !(mayBeFlag && text.startsWith("-")))
        .map(({ note, text }) => ({ text: `${ahead}${text}`, note }));
      if (candidates.length > 0 || found.files !== "none") return { ...found, candidates };
      if (typed !== "") return NONE;
      return matching(
        word,
        Object.entries(place.flags).map(([name, each]) => flagWord(`-${name}`, each)),
      );
    }
    case "nothing":
      return NONE;
  }
}

interface AskedValue {
  readonly typed: string;
  readonly given: HalfLine["given"];
  readonly named: NamesHere;
}

async function valuesOf(def: WordDef, { given, named, typed }: AskedValue): Promise<Completion> {
  if (def.type === "boolean") return matching(typed, words(["true", "false"]));
  const kind = valueKindOf(def);
  switch (kind?.kind) {
    case undefined:
    case "text":
      return NONE;
    case "choice":
      return matching(typed, words(kind.words));
    case "file":
    case "command":
      return { candidates: [], files: "files" };
    case "folder":
      return { candidates: [], files: "folders" };
    case "duration":
      return matching(typed, words(DURATIONS));
    case "time":
      return matching(typed, words(TIMES));
    case "moot":
    case "member":
    case "message":
    case "topic":
    case "voice":
    case "host":
    case "operation":
      return listed(kind, def, { typed, found: await named(kind.kind, given) });
    default:
      return NONE;
  }
}

/** Of a list with commas the last part is completed, and what was said already is not said again. */
function listed(
  { isList }: Extract<ValueKind, { isList: boolean }>,
  def: WordDef,
  { found, typed }: { readonly typed: string; readonly found: readonly WordCandidate[] },
): Completion {
  const said = isList ? typed.slice(0, typed.lastIndexOf(",") + 1) : "";
  const at = def.valueHint === "@NAME" ? "@" : "";
  const others = new Set(said.split(","));
  const whole = found
    .filter(({ text }) => !others.has(text) && !(isList && text.includes(",")))
    .map(({ note, text }) => ({ text: `${said}${at}${text}`, note }));
  return matching(typed, whole);
}

function words(all: readonly string[]): WordCandidate[] {
  return all.map((text) => ({ text, note: "" }));
}

function flagWord(text: string, { description = "" }: WordDef): WordCandidate {
  return { text, note: description };
}

/** Those that begin as what was typed, each once. What would steer or hide is in none: such a word is not offered. */
function matching(typed: string, all: readonly WordCandidate[]): Completion {
  const found = new Map<string, WordCandidate>();
  for (const each of all) {
    if (found.size >= CANDIDATES_MAX) break;
    if (!each.text.startsWith(typed) || shownLine(each.text) !== each.text || found.has(each.text)) continue;
    found.set(each.text, { text: each.text, note: shownLine(each.note).slice(0, 80) });
  }
  return { candidates: [...found.values()], files: "none" };
}
