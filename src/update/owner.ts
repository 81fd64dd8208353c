import { chownSync, statSync } from "node:fs";

/** User and group of the file at `path`, when this process may act for others; `undefined` when it acts for itself. */
export function ownerFor(path: string): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : { uid: found.uid, gid: found.gid };
}

/** Gives `path` to the owner of `like`: what root updates stays the user's. */
export function giveToOwnerOf(like: string, path: string): void {
  const owner = ownerFor(like);
  if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
}
