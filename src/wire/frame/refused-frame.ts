import type { GroupId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, u8 } from "../../core/json/json-scalars.ts";
import { boundedText, clippedText } from "./bounded.ts";
import { type FrameBody, jsonBody } from "./frame-body.ts";

/** Why a request was not carried out; in place of its reply, between peers and on the control socket. */
export interface Refused {
  readonly kind: "refused";
  /** Type byte of the frame refused. */
  readonly of_type: number;
  /** An `ErrorCode`, or one a later version added. At most 64 bytes. */
  readonly code: string;
  /** For people; written with at most 1,024 bytes. */
  readonly message: string;
  readonly group_id: GroupId | undefined;
}

export const refusedBody: FrameBody<Refused> = jsonBody(
  "refused",
  struct<Omit<Refused, "kind">>(
    "refused",
    {
      of_type: u8,
      code: boundedText("code", 64),
      message: clippedText("message", 1024),
      group_id: optional(groupId),
    },
    { required: ["of_type", "code", "message"] },
  ),
);
