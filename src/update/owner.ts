import { lchownSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

/** User and group of the file at `path`, when this process may act for others; `undefined` when it acts for itself. */
export function ownerFor(path: string): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : { uid: found.uid, gid: found.gid };
}

/** Gives `path` to the owner of `like`: what root updates stays the user's. A link there is not followed: it is the user's too. */
export function giveToOwnerOf(like: string, path: string): void {
  const owner = ownerFor(like);
  if (owner !== undefined) lchownSync(path, owner.uid, owner.gid);
}

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
