import type { GroupId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { type FrameBody, jsonBody } from "./frame-body.ts";

/** A frame that names a group and nothing else. */
export interface GroupFrame<K extends string> {
  readonly kind: K;
  readonly group_id: GroupId;
}

/** The body of a frame that names a group and nothing else; a missing group reads as zero, as in the original's frames. */
export function groupBody<const K extends string>(kind: K): FrameBody<GroupFrame<K>> {
  return jsonBody(kind, struct<GroupField>(kind, { group_id: groupId }));
}

/** As `groupBody`, for frames of ours: a missing group is refused. */
export function strictGroupBody<const K extends string>(kind: K): FrameBody<GroupFrame<K>> {
  return jsonBody(kind, struct<GroupField>(kind, { group_id: groupId }, { required: ["group_id"] }));
}

interface GroupField {
  readonly group_id: GroupId;
}
