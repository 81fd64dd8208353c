import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, text } from "../../core/json/json-scalars.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** The original's refusal of a request. */
export type ErrorFrame = FrameOf<typeof body>;

const body = jsonBody(
  "error",
  struct("error", {
    /** `error` from every honest daemon; written as that when empty. */
    type: text,
    /** One of those in control-codes.ts, or one a later version added. */
    code: text,
    group_id: optional(groupId),
    message: text,
  }),
);

export const errorBody: typeof body = {
  decode: body.decode,
  encode: (frame) => body.encode(frame.type === "" ? { ...frame, type: "error" } : frame),
};
