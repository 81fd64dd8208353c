import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { EntmootError } from "../core/errors.ts";
import { startFolder } from "./start-folder.ts";

/** A home folder, or what finds it where it is needed. */
export type Home = string | (() => string);

/** This user's home folder; `undefined` where HOME is not set and the system knows no such user, as in some containers. */
export function knownHome(env: Readonly<Record<string, string | undefined>>): string | undefined {
  try {
    return env.HOME || homedir();
  } catch {
    return undefined;
  }
}

/** The same. Throws `invalid_argument` saying what to set where there is none. */
export function homeFolder(env: Readonly<Record<string, string | undefined>>): string {
  const home = knownHome(env);
  if (home !== undefined) return home;
  throw new EntmootError(
    "invalid_argument",
    "HOME is not set, and the system knows no home folder of this user; set HOME, or give -data (or ENTMOOT_DATA) as a whole path",
  );
}

/** A leading `~` or `~/` becomes `home`; `~user` stays as it is. */
export function expandHome(text: string, home: Home): string {
  if (text !== "~" && !text.startsWith("~/")) return text;
  const folder = typeof home === "string" ? home : home();
  return text === "~" ? folder : join(folder, text.slice(2));
}

/**
 * The absolute path that `text` names from the current folder, with `~` as in `expandHome`. Throws `invalid_argument`
 * where the name of that folder is not UTF-8: the runtime puts other characters in its place, which are another folder.
 */
export function absolutePath(text: string, home: Home): string {
  const named = expandHome(text, home);
  const path = resolve(startFolder(), named);
  if (!path.includes("\ufffd") || named.includes("\ufffd")) return path;
  throw new EntmootError("invalid_argument", `${text}: the name of the current folder is not UTF-8; give a whole path`);
}
