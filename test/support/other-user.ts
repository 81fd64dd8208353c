import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "./binary.ts";

/** Any user but root. */
export const OTHER_USER = 4242;

/** In front of a command that is to run as that user. */
export function otherUser(): string[] {
  return ["setpriv", `--reuid=${OTHER_USER}`, `--regid=${OTHER_USER}`, "--clear-groups"];
}

/** Why nothing can be run here as another user; `undefined` when it can. */
export function otherUserMissing(): string | undefined {
  if (process.getuid?.() !== 0 || Bun.which("setpriv") === null) return "needs root and setpriv";
  const { success } = Bun.spawnSync([...otherUser(), BINARY, "version"], { stdout: "ignore", stderr: "ignore" });
  return success ? undefined : "needs a second user here who may run the program";
}

/** A folder of that user's own in `home`, which everybody may pass through. */
export function otherUserFolder(home: string): string {
  chmodSync(home, 0o755);
  const theirs = join(home, "user");
  mkdirSync(theirs);
  chownSync(theirs, OTHER_USER, OTHER_USER);
  return theirs;
}
