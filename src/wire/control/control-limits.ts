import { CONTROL_EXTENSIONS } from "../frame/extensions.ts";
import { EXTENSION_LENGTH_MAX, FRAME_LENGTH_MAX, type FrameLimits } from "../frame/frame-limits.ts";
import { CONTROL_TYPE } from "./control-types.ts";

/** Ours. Requests of a few fields, with room for keys we do not know. */
const SMALL = 64 * 1024;

/** Ours. Requests with an invite or a list in them: an invite is held to as much when it is read from a file. */
const LARGE = 1024 * 1024;

/** Ours. Replies come from a daemon the user started, so only those that never grow are held below the protocol's own cap. */
const ORIGINAL_LIMITS: Readonly<Record<keyof typeof CONTROL_TYPE, number>> = {
  publish_req: FRAME_LENGTH_MAX,
  publish_resp: SMALL,
  tail_subscribe: SMALL,
  tail_event: FRAME_LENGTH_MAX,
  info_req: SMALL,
  info_resp: FRAME_LENGTH_MAX,
  signed_publish_req: FRAME_LENGTH_MAX,
  signed_publish_resp: SMALL,
  join_group_req: LARGE,
  join_group_resp: FRAME_LENGTH_MAX,
  invite_create_req: LARGE,
  invite_create_resp: LARGE,
  member_remove_req: SMALL,
  member_remove_resp: SMALL,
  invite_authority_check_req: SMALL,
  error: LARGE,
  invite_authority_check_resp: SMALL,
  diag_probe_req: LARGE,
  diag_probe_resp: LARGE,
};

const LIMITS = new Array<number>(128).fill(SMALL).concat(new Array<number>(128).fill(EXTENSION_LENGTH_MAX));
for (const [kind, type] of Object.entries(CONTROL_TYPE))
  LIMITS[type] = ORIGINAL_LIMITS[kind as keyof typeof CONTROL_TYPE];
for (const { type, lengthMax } of Object.values(CONTROL_EXTENSIONS)) LIMITS[type] = lengthMax;

/** The caps on the control socket, in both directions. */
export const controlLimits: FrameLimits = (type) => LIMITS[type]!;
