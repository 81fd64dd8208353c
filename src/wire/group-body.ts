import type { GroupId } from "../core/ids.ts";
import { struct } from "../core/json-codec.ts";
import { groupId } from "../core/json-scalars.ts";
import { type FrameBody, jsonBody } from "./frame-body.ts";

/** A frame that names a group and nothing else. */
export interface GroupFrame<K extends string> {
  readonly kind: K;
  readonly group_id: GroupId;
}

/** The body of a frame that names a group and nothing else. */
export function groupBody<const K extends string>(kind: K): FrameBody<GroupFrame<K>> {
  return jsonBody(kind, struct<{ readonly group_id: GroupId }>(kind, { group_id: groupId }));
}
