import { GroupId } from "../core/ids.ts";
import type { GroupStore } from "../store/group-store.ts";
import type { NodeStore } from "../store/node-store.ts";
import { groupName } from "./group/group-name.ts";

type NameSettings = Pick<NodeStore, "getSetting" | "setSetting">;

/** Setting of the data root: what a moot is called here. Its own database says it too, unless it cannot be opened. */
const settingOf = (groupId: GroupId) => `moot_name ${GroupId.toBase64(groupId)}`;

/** From now on the moot's name is known also while its database cannot be opened. A disk that keeps nothing is no reason to fail. */
export function noteMootName(settings: NameSettings, store: GroupStore): void {
  try {
    const name = groupName(store);
    // Each change is a sync of the disk.
    if (settings.getSetting(settingOf(store.groupId)) !== name) settings.setSetting(settingOf(store.groupId), name);
  } catch {
    // What it was called before stays noted.
  }
}

/** What the moot was called when it could be opened, empty for none; `undefined` where nobody noted it. */
export function keptMootName(settings: Pick<NodeStore, "getSetting">, groupId: GroupId): string | undefined {
  try {
    return settings.getSetting(settingOf(groupId));
  } catch {
    return undefined; // Another process holds the database: not known just now.
  }
}
