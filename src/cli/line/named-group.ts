import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import type { DataRoot } from "../../store/data-root.ts";
import { parseGroupId } from "./group-argument.ts";

/** The joined group that `text` names. Throws `invalid_argument` or `group_not_found`, starting with `label`. */
export function namedGroup(label: string, root: DataRoot, text: string): GroupId {
  const groupId = parseGroupId(label, text);
  if (root.groupIds().includes(groupId)) return groupId;
  // One that is there and cannot be read is not in the list: opening it says why.
  root.openGroup(groupId);
  throw new EntmootError("group_not_found", `${label}: group ${GroupId.toBase64(groupId)} not joined`);
}

/** The group that `text` names or, without `text`, the only one. Throws `invalid_argument` when there is not exactly one. */
export function pickGroup(label: string, root: DataRoot, text: string | undefined): GroupId {
  if (text !== undefined) return namedGroup(label, root, text);
  const [only, ...others] = root.groupIds();
  if (only !== undefined && others.length === 0) return only;
  const found =
    only === undefined
      ? "no joined groups; pass -group"
      : `${others.length + 1} groups joined; pass -group to disambiguate`;
  throw new EntmootError("invalid_argument", `${label}: ${found}`);
}
