import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { EntmootError } from "../core/errors.ts";

/**
 * Where the socket at `path` is: hosts put a link of their own where a path is too long for a socket. Throws `unavailable` where
 * nothing is, `forbidden` where it is no socket of this user's or behind a link of somebody else: who could put one there would
 * be handed what members write, and speak for the host.
 */
export function ownSocket(path: string): string {
  const found = statusOf(path);
  requireOwn(path, found);
  if (found.isSocket()) return path;
  if (!found.isSymbolicLink()) throw new EntmootError("forbidden", `${path}: expected a socket, found something else`);
  const target = resolve(dirname(path), readlinkSync(path));
  const behind = statusOf(target);
  requireOwn(target, behind);
  if (!behind.isSocket()) {
    throw new EntmootError("forbidden", `${path}: expected a socket, found a link to something else`);
  }
  return target;
}

function statusOf(path: string): Stats {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new EntmootError("unavailable", `${path}: nobody listens there`);
  return found;
}

function requireOwn(path: string, { uid }: Stats): void {
  const mine = process.geteuid?.();
  if (mine !== undefined && uid !== mine) {
    throw new EntmootError("forbidden", `${path}: expected a socket of this user, found one of user ${uid}`);
  }
}
