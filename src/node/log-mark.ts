import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import type { Log } from "../host/log.ts";
import type { DataRoot } from "../store/data-root.ts";
import type { GroupStore } from "../store/group-store.ts";

/** How the end of a group's log is noted outside its own database. */
const SETTING = "log_mark/";

interface Marked {
  readonly root: DataRoot;
  readonly store: GroupStore;
  readonly log: Log;
}

/** Notes where the log ends, for the next opening. A mark that cannot be written is an older one. */
export function markLog(root: DataRoot, { groupId, messages }: GroupStore): void {
  const seq = messages.lastSeq();
  try {
    root.node.setSetting(SETTING + groupId, `${messages.logId()} ${seq} ${messages.idAt(seq) ?? ""}`);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
  }
}

/**
 * Gives a log a new id when its database is older than it was when it was closed, as after a restored backup: what
 * readers have read of it may not be in it, and other messages will get the numbers they know.
 */
export function renewRolledBackLog({ log, root, store: { groupId, messages } }: Marked): void {
  const [marked, seqText = "", id = ""] = root.node.getSetting(SETTING + groupId)?.split(" ") ?? [];
  if (marked !== messages.logId()) return;
  const seq = Number(seqText);
  const found = messages.idAt(seq);
  const isThere = seq <= messages.lastSeq() && (id === "" || found === undefined || found === id);
  if (isThere) return;
  messages.drawLog();
  log.warn(
    `group ${GroupId.toBase64(groupId)}: its database is older than it was, as after a restored backup; readers that kept a place are told so, and nothing is skipped`,
  );
}
