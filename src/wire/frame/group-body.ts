import { struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { jsonBody } from "./frame-body.ts";

/** The body of a frame that names a group and nothing else; a missing group reads as zero, as in the original's frames. */
export function groupBody<const K extends string>(kind: K) {
  return jsonBody(kind, struct(kind, { group_id: groupId }));
}

/** As `groupBody`, for frames of ours: a missing group is refused. */
export function strictGroupBody<const K extends string>(kind: K) {
  return jsonBody(kind, struct(kind, { group_id: groupId }, { required: ["group_id"] }));
}
