import { existsSync, fchownSync, lchownSync, lstatSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf } from "../core/system-error.ts";

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
 * Gives the new file behind the handle to the owner of the folder that `path` is in: what root makes in the data root of
 * a user would otherwise be kept from the user's own daemon. By its handle, because whoever owns the folder may have put
 * another file under the name meanwhile.
 */
export function giveToOwnerOfFolder(path: string, handle: number): void {
  const owner = ownerFor(dirname(path));
  if (owner !== undefined) unlessUnknown(() => fchownSync(handle, owner.uid, owner.gid));
}

/** As `giveToOwnerOfFolder`, for what has no handle: a folder that was just made, a socket. */
export function giveNameToOwnerOfFolder(path: string): void {
  unlessUnknown(() => giveToOwnerOf(dirname(path), path));
}

/** As `giveNameToOwnerOfFolder`, for a folder and all in it. A file with a second name may be another's: it is left alone. */
export function giveTreeToOwnerOfFolder(path: string): void {
  if (process.getuid?.() !== 0 || !existsSync(path)) return;
  try {
    giveNameToOwnerOfFolder(path);
    // From the outermost on.
    for (const name of readdirSync(path, { recursive: true, encoding: "utf8" }).sort()) {
      const found = lstatSync(join(path, name));
      if (found.isDirectory() || found.nlink === 1) giveNameToOwnerOfFolder(join(path, name));
    }
  } catch {
    // No descriptor left, say. Who needs it says then what is wrong with it.
  }
}

/** Within a namespace of users root knows only some of them, and some file systems none: then it stays as it is. */
function unlessUnknown(give: () => void): void {
  try {
    give();
  } catch (error) {
    const code = codeOf(error);
    if (code !== "EINVAL" && code !== "EPERM" && code !== "ENOSYS" && code !== "ENOTSUP") throw error;
  }
}
