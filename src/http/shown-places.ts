import type { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";

/** Where readers whose places are lost go on, as they are told. */
export function shownPlaces({ places }: Pick<EntmootError, "places">) {
  return places.map(({ all, fresh, groupId, lost }) => ({ group_id: GroupId.toBase64(groupId), lost, all, fresh }));
}
