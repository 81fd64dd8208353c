import type { GroupId } from "../core/ids.ts";
import { groupName } from "../node/group/group-name.ts";
import { status } from "../node/operations/daemon.ts";
import { isThere } from "../store/private-files.ts";
import { SqliteDataRoot } from "../store/sqlite/sqlite-data-root.ts";
import { connectOrWait } from "./open-operations.ts";
import type { GlobalOptions } from "./options.ts";
import { telling } from "./tell-reading.ts";

/** A moot of this node, as people name it. */
export interface MootHere {
  readonly group_id: GroupId;
  /** Empty when it has none. */
  readonly name: string;
}

/** The moots of this node, asked of its daemon, or read where none runs. Creates nothing. */
export async function mootsHere(options: GlobalOptions, timeoutMs: number | undefined): Promise<readonly MootHere[]> {
  await using client = await connectOrWait(options, timeoutMs);
  const patience = timeoutMs === undefined ? {} : { timeoutMs };
  // An original's daemon knows no names.
  if (client !== undefined && !(await client.isOriginal(timeoutMs))) {
    return (await client.call(status, {}, patience)).groups;
  }
  if (!isThere(options.dataDir)) return [];
  using root = SqliteDataRoot.open(options.dataDir, "read", telling());
  return root.groupIds().flatMap((id) => {
    const store = root.openGroup(id);
    return store === undefined ? [] : [{ group_id: id, name: groupName(store) }];
  });
}
