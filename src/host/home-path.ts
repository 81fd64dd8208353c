import { join, resolve } from "node:path";
import { EntmootError } from "../core/errors.ts";
import { startFolder } from "./start-folder.ts";

/** A leading `~` or `~/` becomes `home`; `~user` stays as it is. */
export function expandHome(text: string, home: string): string {
  return text === "~" ? home : text.startsWith("~/") ? join(home, text.slice(2)) : text;
}

/**
 * The absolute path that `text` names from the current folder, with `~` as in `expandHome`. Throws `invalid_argument`
 * where the name of that folder is not UTF-8: the runtime puts other characters in its place, which are another folder.
 */
export function absolutePath(text: string, home: string): string {
  const named = expandHome(text, home);
  const path = resolve(startFolder(), named);
  if (!path.includes("\ufffd") || named.includes("\ufffd")) return path;
  throw new EntmootError("invalid_argument", `${text}: the name of the current folder is not UTF-8; give a whole path`);
}
