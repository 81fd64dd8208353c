import { omitted, optional, struct } from "../../core/json/json-codec.ts";
import { groupId, text } from "../../core/json/json-scalars.ts";
import { message } from "../../core/record/record-codecs.ts";
import { type FrameOf, jsonBody } from "../frame/frame-body.ts";

/** Asks for every message stored from now on, until the client closes. Nothing confirms it. */
export type TailSubscribe = FrameOf<typeof tailSubscribeBody>;

export const tailSubscribeBody = jsonBody(
  "tail_subscribe",
  struct("tail_subscribe", {
    /** `undefined`: all groups. */
    group_id: optional(groupId),
    /** Topic pattern; empty stands for `#`. */
    topic: omitted(text),
  }),
);

export type TailEvent = FrameOf<typeof tailEventBody>;

export const tailEventBody = jsonBody("tail_event", struct("tail_event", { message }));
