import { GroupId } from "../core/ids.ts";
import type { NodeStore } from "../store/node-store.ts";

/** Setting of the data root: the moot that was founded, joined or talked in last, as base64. */
const SETTING = "moot_used_last";

type Settings = Pick<NodeStore, "getSetting" | "setSetting">;

/** From now on this is the moot that somebody goes on with who names none. A disk that keeps nothing is no reason to fail. */
export function noteMootUsed(settings: Settings, groupId: GroupId): void {
  const text = GroupId.toBase64(groupId);
  try {
    // Each change is a sync of the disk.
    if (settings.getSetting(SETTING) !== text) settings.setSetting(SETTING, text);
  } catch {
    // What was used before stays noted.
  }
}

/** The moot used last, among `held`; `undefined` where none of them was noted. */
export function mootUsedLast<T extends { readonly group_id: GroupId }>(settings: Settings, held: readonly T[]) {
  const text = settings.getSetting(SETTING);
  return text === undefined ? undefined : held.find((moot) => GroupId.toBase64(moot.group_id) === text);
}
