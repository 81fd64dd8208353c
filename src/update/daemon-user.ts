import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Owner } from "../files/owner.ts";
import { trustedPath } from "../files/trusted-path.ts";

/** Whether the daemon of a data root may be ended and started anew here, and as whom. */
export type DaemonUser =
  | { readonly kind: "self" }
  | { readonly kind: "other"; readonly owner: Owner }
  | { readonly kind: "nobody"; readonly reason: string };

/**
 * As whom the daemon of `dataDir` runs whose process is said to be `pid`. Everything that is known of it was said by whoever
 * listens there, who may be anybody who can put a socket in that place: a command line of theirs runs as nobody else, and
 * only a process of theirs is ended. `/proc` is asked for the user of the process, where there is one.
 */
export function daemonUser(dataDir: string, pid: number): DaemonUser {
  const mine = process.geteuid?.();
  // Such systems have no users that this could mistake.
  if (mine === undefined) return { kind: "self" };
  const others = new Map<number, Owner>();
  for (let at = trustedPath(dataDir); ; at = dirname(at)) {
    const { gid, mode, uid } = statSync(at);
    const isSticky = (mode & 0o1000) !== 0;
    // A group of one's own has one's own number.
    const isShared = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== uid);
    if (isShared && !isSticky) return nobody(`others may write in ${at}`);
    if (uid !== 0 && uid !== mine) others.set(uid, { uid, gid });
    if (at === dirname(at)) break;
  }
  const [owner] = others.values();
  if (others.size > 1 || (owner !== undefined && mine !== 0)) return nobody(`others own ${dataDir}`);
  const expected = owner?.uid ?? mine;
  const found = statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid;
  if (found !== undefined && found !== expected) {
    return nobody(`process ${pid} is user ${found}'s, not user ${expected}'s, to whom ${dataDir} belongs`);
  }
  return owner === undefined ? { kind: "self" } : { kind: "other", owner };
}

function nobody(reason: string): DaemonUser {
  return { kind: "nobody", reason };
}

/**
 * What process `pid` writes as its descriptor `fd`, to go on with; `"ignore"` for a socket, or a system without `/proc`.
 * It is opened with our rights: of another user only what is theirs, for they may have it open to read alone.
 */
export function outputOf(pid: number, fd: number, user: DaemonUser): number | "ignore" {
  if (user.kind === "nobody") return "ignore";
  try {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY;
    const handle = openSync(`/proc/${pid}/fd/${fd}`, flags);
    if (user.kind === "self" || fstatSync(handle).uid === user.owner.uid) return handle;
    closeSync(handle);
  } catch {
    // Nothing to write to is no reason not to start.
  }
  return "ignore";
}
