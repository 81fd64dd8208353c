import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { SqliteFile } from "../sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../sqlite/sqlite-group-store.ts";
import { fillGroup, type OriginalGroup } from "./fill-group.ts";
import { takeLaterWrites } from "./later-writes.ts";
import { copyQuietly, OriginalDatabase } from "./original-database.ts";
import { filesSeen, keptMark } from "./original-mark.ts";
import { makePrivatePlace, removePrivatePlace } from "./private-place.ts";
import { ShownMessages } from "./shown-messages.ts";

/** Ours. Readings begun anew because somebody changed the files meanwhile. */
const READINGS_MAX = 5;

/** The name of the database in its place. */
const PASSING = "seen.sqlite";

/**
 * The group as a take-over would make it, for as long as the store is open: the original's files are read where they
 * are, and nothing is left behind. Signatures are verified as messages are shown; `onRefused` is told of what is left out. The same files always give the same log. Throws as `fillGroup`.
 */
export function seeOriginal(
  group: OriginalGroup,
  { onClose, onRefused }: { readonly onClose: () => void; readonly onRefused: (text: string) => void },
): SqliteGroupStore {
  return calmly(() =>
    passing(group, {
      prepare: () => {},
      fill(file, store, messages) {
        const filling = { ...group, file, store, open: OriginalDatabase.look, signaturesLater: true };
        const { report, roster } = fillGroup(filling);
        // Drawn at random, no place that was printed once would be found again.
        file.exec(`UPDATE log SET id = x'${report.merkle_root.slice(0, 16)}'`);
        messages.verifyBy(roster, ({ id }) => {
          onRefused(`${group.directory}: message ${id}: its signature is not its author's; it is left out`);
        });
      },
      onClose,
    }),
  );
}

/**
 * The group of a store that was taken over once, with what the original wrote since, for as long as the store is open;
 * `undefined` when the original's files are as they were then.
 */
export function seeLaterWrites(
  group: OriginalGroup,
  { taken, path }: { readonly taken: SqliteGroupStore; readonly path: string },
  onClose: () => void,
): SqliteGroupStore | undefined {
  if (keptMark(taken)?.files === filesSeen(group.root, group.directory)) return undefined;
  return calmly(() =>
    passing(group, {
      prepare: (copy) => copyQuietly(path, copy),
      fill: (file, store) => takeLaterWrites({ ...group, file, store, open: OriginalDatabase.look }),
      onClose,
    }),
  );
}

interface Passing {
  /** Before the file at this path is opened, and made when it is not there. */
  readonly prepare: (path: string) => void;
  readonly fill: (file: SqliteFile, store: SqliteGroupStore, messages: ShownMessages) => void;
  readonly onClose: () => void;
}

/** A store whose file has no name any more once it is open, so that whatever ends the process ends the file. */
function passing(group: OriginalGroup, { fill, onClose, prepare }: Passing): SqliteGroupStore {
  const place = makePrivatePlace();
  let store: SqliteGroupStore;
  let file: SqliteFile;
  let messages: ShownMessages;
  try {
    const path = join(place, PASSING);
    prepare(path);
    file = SqliteFile.open(path, {
      label: "group database",
      migrations: GROUP_MIGRATIONS,
      access: "write",
      // Keeps its journal in memory: nothing is opened by name later.
      durable: false,
    });
    messages = new ShownMessages(file);
    store = new SqliteGroupStore(group.groupId, file, { onClose, messages });
  } finally {
    removePrivatePlace(place);
  }
  try {
    fill(file, store, messages);
    return store;
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
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
