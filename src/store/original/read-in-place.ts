import { EntmootError } from "../../core/errors.ts";
import { SqliteFile } from "../sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../sqlite/sqlite-group-store.ts";
import { fillGroup, type OriginalGroup } from "./fill-group.ts";
import { takeLaterWrites } from "./later-writes.ts";
import { OriginalDatabase } from "./original-database.ts";
import { filesSeen, keptMark } from "./original-mark.ts";

/** Ours. Readings begun anew because somebody changed the files meanwhile. */
const READINGS_MAX = 5;

const HOW = { label: "group database", migrations: GROUP_MIGRATIONS };

/** What looking at a group gives: a store in memory, which ends with it, and what people should know. */
export interface OriginalSeen {
  readonly store: SqliteGroupStore;
  readonly notices: readonly string[];
}

/**
 * The group as a take-over would make it, in memory: the original's files are read where they are and nothing is left
 * behind. The same files always give the same log. Throws as `fillGroup`.
 */
export function seeOriginal(group: OriginalGroup, onClose: () => void): OriginalSeen {
  return calmly(() => {
    const file = SqliteFile.inMemory(group.directory, HOW);
    const store = new SqliteGroupStore(group.groupId, file, onClose);
    try {
      const { report, notices } = fillGroup({ ...group, file, store, open: OriginalDatabase.look });
      // Drawn at random, no place that was printed once would be found again.
      file.exec(`UPDATE log SET id = x'${report.merkle_root.slice(0, 16)}'`);
      return { store, notices };
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  });
}

/**
 * The group of a store that was taken over once, with what the original wrote since, in memory; `undefined` when its
 * files are as they were then.
 */
export function seeLaterWrites(group: OriginalGroup, taken: SqliteGroupStore, onClose: () => void): OriginalSeen | undefined {
  if (keptMark(taken)?.files === filesSeen(group.root, group.directory)) return undefined;
  return calmly(() => {
    const file = SqliteFile.inMemory(group.directory, { ...HOW, image: taken.file.image() });
    const store = new SqliteGroupStore(group.groupId, file, onClose);
    try {
      return { store, notices: takeLaterWrites({ ...group, file, store, open: OriginalDatabase.look }) };
    } catch (error) {
      file[Symbol.dispose]();
      throw error;
    }
  });
}

function calmly<T>(read: () => T): T {
  for (let reading = 1; ; reading++) {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof EntmootError && error.code === "unavailable") || reading === READINGS_MAX) throw error;
    }
  }
}
