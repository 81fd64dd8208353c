import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  openSync,
  statSync,
} from "node:fs";
import { codeOf } from "../core/system-error.ts";

/** Linux, on all its processors: a handle on whatever stands under a name, for nothing but to hold on to it. */
const O_PATH = 0o10000000;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** User and group of the file at `path`, when this process may act for others; `undefined` when it acts for itself. */
export function ownerFor(path: string): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : { uid: found.uid, gid: found.gid };
}

/**
 * Gives the new file or folder behind `handle` to `owner`: what root makes in the data root of a user would otherwise be
 * kept from the user's own daemon. By its handle, because whoever owns the folder may have put another file under the
 * name meanwhile. Nothing where this process acts for itself.
 */
export function giveHandle(handle: number, owner: Owner | undefined): void {
  if (owner !== undefined) unlessUnknown(() => fchownSync(handle, owner.uid, owner.gid));
}

/**
 * Gives the new socket at `path` to `owner`, and takes it from group and others. Where the system can, by a handle, as
 * `giveHandle`; what stands there and is no socket of one name is left alone.
 */
export function giveSocket(path: string, mode: number, owner: Owner | undefined): void {
  const handle = existsSync("/proc/self/fd") ? openSync(path, O_PATH | constants.O_NOFOLLOW) : undefined;
  try {
    const found = handle === undefined ? lstatSync(path) : fstatSync(handle);
    if (!found.isSocket() || found.nlink !== 1) throw new Error("something else was put in its place");
    const name = handle === undefined ? path : `/proc/self/fd/${handle}`;
    // Some file systems (macOS, network mounts) ignore the mask for sockets.
    if ((found.mode & 0o777) !== mode) chmodSync(name, mode);
    if (owner === undefined) return;
    unlessUnknown(() => (handle === undefined ? lchownSync : chownSync)(name, owner.uid, owner.gid));
  } finally {
    if (handle !== undefined) closeSync(handle);
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
