import type { GroupId } from "../../core/ids.ts";
import { omitted, optional, struct } from "../../core/json/json-codec.ts";
import { groupId, text } from "../../core/json/json-scalars.ts";
import { message } from "../../core/record/record-codecs.ts";
import type { Message } from "../../core/record/records.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";

/** Asks for every message stored from now on, until the client closes. Nothing confirms it. */
export interface TailSubscribe {
  readonly kind: "tail_subscribe";
  /** `undefined`: all groups. */
  readonly group_id: GroupId | undefined;
  /** Topic pattern; empty stands for `#`. */
  readonly topic: string;
}

export interface TailEvent {
  readonly kind: "tail_event";
  readonly message: Message;
}

export const tailSubscribeBody: FrameBody<TailSubscribe> = jsonBody(
  "tail_subscribe",
  struct<Omit<TailSubscribe, "kind">>("tail_subscribe", { group_id: optional(groupId), topic: omitted(text) }),
);

export const tailEventBody: FrameBody<TailEvent> = jsonBody(
  "tail_event",
  struct<Omit<TailEvent, "kind">>("tail_event", { message }),
);
