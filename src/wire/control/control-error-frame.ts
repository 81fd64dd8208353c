import type { GroupId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, text } from "../../core/json/json-scalars.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** The original's refusal of a request. */
export interface ErrorFrame {
  readonly kind: "error";
  /** `error` from every honest daemon; written as that when empty. */
  readonly type: string;
  /** One of those in control-codes.ts, or one a later version added. */
  readonly code: string;
  readonly group_id: GroupId | undefined;
  readonly message: string;
}

const body: FrameBody<ErrorFrame> = jsonBody(
  "error",
  struct<Omit<ErrorFrame, "kind">>("error", { type: text, code: text, group_id: optional(groupId), message: text }),
);

export const errorBody: FrameBody<ErrorFrame> = {
  decode: body.decode,
  encode: (frame) => body.encode(frame.type === "" ? { ...frame, type: "error" } : frame),
};
