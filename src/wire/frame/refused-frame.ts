import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, u8 } from "../../core/json/json-scalars.ts";
import { boundedText, clippedText } from "./bounded.ts";
import { type FrameOf, jsonBody } from "./frame-body.ts";

/** Why a request was not carried out; in place of its reply, between peers and on the control socket. */
export type Refused = FrameOf<typeof refusedBody>;

export const refusedBody = jsonBody(
  "refused",
  struct(
    "refused",
    {
      /** Type byte of the frame refused. */
      of_type: u8,
      /** An `ErrorCode`, or one a later version added. At most 64 bytes. */
      code: boundedText("code", 64),
      /** For people; written with at most 1,024 bytes. */
      message: clippedText("message", 1024),
      group_id: optional(groupId),
    },
    { required: ["of_type", "code", "message"] },
  ),
);
