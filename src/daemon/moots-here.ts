import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { groupName } from "../node/group/group-name.ts";
import { keptMootName } from "../node/kept-names.ts";
import { status } from "../node/operations/daemon.ts";
import { isThere } from "../store/private-files.ts";
import { type OpenRootOptions, SqliteDataRoot } from "../store/sqlite/sqlite-data-root.ts";
import { type MootHere, mootsOfStatus } from "../view/which-moot.ts";
import { connectToLook } from "./open-operations.ts";
import type { GlobalOptions } from "./options.ts";
import { telling } from "./tell-reading.ts";

/** The moots of this node, asked of its daemon, or read where none answers. Creates nothing. */
export async function mootsHere(options: GlobalOptions, timeoutMs: number | undefined): Promise<readonly MootHere[]> {
  await using client = await connectToLook(options, timeoutMs);
  const patience = timeoutMs === undefined ? {} : { timeoutMs };
  // An original's daemon knows no names.
  if (client !== undefined && !(await client.isOriginal(timeoutMs))) {
    return mootsOfStatus(await client.call(status, {}, patience));
  }
  return isThere(options.dataDir) ? mootsInFiles(options.dataDir, telling()) : [];
}

/** Those of the data root in `dataDir`, as its files say. */
export function mootsInFiles(dataDir: string, tell: OpenRootOptions): readonly MootHere[] {
  using root = SqliteDataRoot.open(dataDir, "read", tell);
  const shut = (group_id: GroupId) => ({ group_id, name: keptMootName(root.node, group_id), isOpen: false });
  const joined = root.groupIds().flatMap((group_id) => {
    try {
      const store = root.openGroup(group_id);
      return store === undefined ? [] : [{ group_id, name: groupName(store), isOpen: true }];
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      return [shut(group_id)];
    }
  });
  return [...joined, ...[...root.leftOut.keys()].map(shut)];
}
