import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { createLog, type Log } from "../host/log.ts";
import { printProse } from "../host/print.ts";
import { realClock } from "../host/real-clock.ts";
import { requireNotHeld } from "../store/backup/restored-mark.ts";
import type { DataRoot, MigrationProgress } from "../store/data-root.ts";
import { DataRootLock } from "../store/lock.ts";
import { createPrivateDirectory, isThere } from "../store/private-files.ts";
import { removeUnfounded, requireRootFolder } from "../store/root-folder.ts";
import { SqliteDataRoot } from "../store/sqlite/sqlite-data-root.ts";
import { type IdentityChoice, type IdentityWanted, identityFor } from "./node-identity.ts";
import type { GlobalOptions } from "./options.ts";
import { telling } from "./tell-reading.ts";

/** What a node in this process is built on. */
export interface OpenRoot {
  /** Closing it releases the lock too. */
  readonly root: DataRoot;
  readonly identity: IdentityChoice["loaded"];
  readonly log: Log;
}

/**
 * Opens the data root and its identity; notices go to stderr. With `lock`, this process is the only one that may
 * change it until the lock is released. Throws `already_running`, `identity_invalid`, `data_root_invalid`, `conflict` for one that was restored, and
 * `group_not_found` for a group of `only` that is not joined or, without `create`, where nothing is.
 */
export function openRoot(
  options: GlobalOptions,
  how: Pick<IdentityWanted, "create" | "fresh"> & { readonly lock: boolean; readonly only?: ReadonlySet<GroupId> },
): OpenRoot {
  if (how.lock) requireRootFolder(options.dataDir, [options.identityPath]);
  const isNew = how.create && !isThere(options.dataDir);
  if (how.create) createPrivateDirectory(options.dataDir);
  else if (how.lock && !isThere(options.dataDir)) {
    throw new EntmootError("group_not_found", `group not joined: there is no data root at ${options.dataDir}`);
  }
  if (how.lock) requireNotHeld(options.dataDir);
  let lock: DataRootLock | undefined;
  let root: DataRoot | undefined;
  try {
    if (how.lock) lock = DataRootLock.acquire(options.dataDir, realClock.unix());
    // Without a lock nothing is changed; reading says so too where there is no data root.
    root = SqliteDataRoot.open(options.dataDir, lock === undefined ? "read" : "write", telling());
    // Before an identity is made: a mistyped group must not leave one behind.
    const joined = root.groupIds();
    const missing = [...(how.only ?? [])].find((id) => !joined.includes(id));
    if (missing !== undefined) {
      const reason = root.leftOut.get(missing);
      if (reason !== undefined) throw reason;
      throw new EntmootError("group_not_found", `joined group not found: ${GroupId.toBase64(missing)}`);
    }
    if (joined.length === 0 && !how.create && how.lock) {
      throw new EntmootError("group_not_found", "group not joined: this data root has no groups");
    }
    const identity = identityFor(options, root, how);
    for (const notice of [...root.notices, ...identity.notices]) printProse(`entmootd: ${notice}`);
    return { root: guarded(root, lock, how.only), identity: identity.loaded, log: createLog(options.logLevel) };
  } catch (error) {
    root?.[Symbol.dispose]();
    // Held by another process, it is that one's now.
    const isOurs = isNew && !(error instanceof EntmootError && error.code === "already_running");
    if (isOurs) removeUnfounded(options.dataDir);
    lock?.[Symbol.dispose]();
    throw error;
  }
}

/**
 * The same root, which lets go of `lock` as the last thing when it is closed, and lists at its start only the groups
 * of `only` (all when absent); groups joined later open as ever.
 */
function guarded(root: DataRoot, lock: DataRootLock | undefined, only: ReadonlySet<GroupId> | undefined): DataRoot {
  let closed = false;
  return {
    node: root.node,
    defaultMoot: root.defaultMoot,
    mailbox: root.mailbox,
    notices: root.notices,
    agents: () => root.agents(),
    hasAgents: () => root.hasAgents(),
    beginServing: () => root.beginServing(),
    groupIds: () => root.groupIds().filter((id) => only === undefined || only.has(id)),
    openGroup: (id: GroupId, onProgress?: (progress: MigrationProgress) => void) => root.openGroup(id, onProgress),
    leftOut: root.leftOut,
    createGroup: (id) => root.createGroup(id),
    discardGroup: (id) => root.discardGroup(id),
    forgetGroup: (id, how) => root.forgetGroup(id, how),
    look(how) {
      const { faults, isGone } = root.look(how);
      const unlocked = isGone ? undefined : lock?.look();
      return { faults: unlocked === undefined ? faults : [...faults, unlocked], isGone };
    },
    onRefused: (told) => root.onRefused(told),
    [Symbol.dispose]() {
      if (closed) return;
      closed = true;
      root[Symbol.dispose]();
      lock?.[Symbol.dispose]();
    },
  };
}
