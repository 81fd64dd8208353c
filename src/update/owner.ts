import { renameSync, rmSync, writeFileSync } from "node:fs";
import { giveToOwnerOf } from "../store/owner.ts";

/**
 * Writes the small file `path` whole or not at all, for the owner of the folder `dir` it is in. Whoever owns the folder
 * may have put a link in the way: root must not write through it.
 */
export function replaceFile(
  path: string,
  text: string,
  { dir, mode }: { readonly dir: string; readonly mode: number },
): void {
  const fresh = `${path}.tmp`;
  try {
    rmSync(fresh, { force: true });
    writeFileSync(fresh, text, { mode, flag: "wx" });
    giveToOwnerOf(dir, fresh);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { force: true });
    throw error;
  }
}
