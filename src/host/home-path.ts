import { join } from "node:path";

/** A leading `~` or `~/` becomes `home`; `~user` stays as it is. */
export function expandHome(text: string, home: string): string {
  return text === "~" ? home : text.startsWith("~/") ? join(home, text.slice(2)) : text;
}
