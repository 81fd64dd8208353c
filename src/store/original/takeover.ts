import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { moveFile, removeFile, removeTree } from "../../files/guarded-files.ts";
import { FileLock } from "../lock.ts";
import { fileFailure, syncDirectory, syncFile } from "../private-files.ts";
import { SqliteFile } from "../sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../sqlite/sqlite-group-store.ts";
import { fillGroup, type OriginalGroup, type TakeoverReport } from "./fill-group.ts";
import { OriginalDatabase } from "./original-database.ts";

export const GROUP_DATABASE = "moot.sqlite";
/** In the data root, and left there: whoever waits for it holds the file, and would find it gone. */
const LOCK = "takeover.lock";
const FRESH = `${GROUP_DATABASE}.tmp-`;
const SCRATCH = "takeover-";

/** Ours. How long to wait for another process that takes groups over. */
const LOCK_WAIT_MS = 30_000;

/**
 * Makes the group's database out of the original's files, which stay as they are, and gives what people should know.
 * Either the whole database appears or none; interrupted anywhere, the next call starts over. With two processes at
 * once, one does the work. Throws `data_root_invalid` for a roster log that cannot be trusted or a damaged database,
 * `unavailable` while another process is at it, `disk_full`.
 */
export function takeOver(request: OriginalGroup): string[] {
  const { root, directory } = request;
  using lock = FileLock.tryAcquire(join(root, LOCK), LOCK_WAIT_MS);
  if (!lock) {
    throw new EntmootError("unavailable", `${directory}: another process is taking groups over; try again later`);
  }
  const target = join(directory, GROUP_DATABASE);
  if (existsSync(target)) return [];
  try {
    clearLeftovers(directory);
    const fresh = join(directory, `${FRESH}${process.pid}`);
    const notices = build(request, fresh);
    syncFile(fresh);
    // The log of a database someone deleted by hand would be replayed into this one.
    for (const suffix of ["-wal", "-shm"]) removeFile(target + suffix);
    moveFile(fresh, target);
    syncDirectory(directory);
    return notices;
  } catch (error) {
    clearLeftovers(directory);
    throw fileFailure(error, directory);
  }
}

function build(request: OriginalGroup, fresh: string): string[] {
  const scratch = join(request.directory, SCRATCH);
  let filled: ReturnType<typeof fillGroup>;
  {
    const file = SqliteFile.open(fresh, {
      label: "group database",
      migrations: GROUP_MIGRATIONS,
      access: "write",
      // Thrown away unless complete, and made durable as a whole then.
      durable: false,
    });
    using store = new SqliteGroupStore(request.groupId, file);
    filled = fillGroup({ ...request, file, store, open: (path) => OriginalDatabase.open(path, scratch) });
  }
  checkRoot(fresh, request.groupId, filled.report);
  return filled.notices;
}

/** Reads what was written as the next opening will, and compares it with what was meant. */
function checkRoot(path: string, groupId: GroupId, { messages, merkle_root }: TakeoverReport): void {
  using store = SqliteGroupStore.open(path, { groupId, access: "write" });
  const [size, root] = [store.messages.size, store.messages.merkleRoot()];
  if (size === messages && root === merkle_root) return;
  throw new EntmootError(
    "internal",
    `${path}: expected ${messages} messages under root ${merkle_root}, found ${size} under ${root}; check the disk`,
  );
}

function clearLeftovers(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(FRESH) || name.startsWith(SCRATCH)) {
      removeTree(join(directory, name));
    }
  }
}
