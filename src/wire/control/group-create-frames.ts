import type { GroupId } from "../../core/ids.ts";
import { optional, struct } from "../../core/json/json-codec.ts";
import { groupId, rawJson } from "../../core/json/json-scalars.ts";
import { nodeInfo } from "../../core/record/record-codecs.ts";
import type { NodeInfo } from "../../core/record/records.ts";
import { boundedText, oneOf, plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type CreatedLink, createdLink } from "./link-frames.ts";

/** "Found a group." */
export interface GroupCreateReq {
  readonly kind: "group_create_req";
  /** Trimmed, not empty, at most 256 bytes. */
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly visibility: "private" | "unlisted" | "public";
  readonly join_mode: "invite_only" | "open_invite";
  /** As the user gave it (`preset:standard`, `none`, `file:…`), for output. */
  readonly policy_source: string;
  /** JSON text; `undefined` for none. */
  readonly policy: string | undefined;
}

export interface GroupCreateResp {
  readonly kind: "group_create_resp";
  readonly group_id: GroupId;
  readonly founder: NodeInfo;
  /** With join mode `open_invite`: an unlimited link that does not expire. */
  readonly open_invite: CreatedLink | undefined;
}

export const groupCreateReqBody: FrameBody<GroupCreateReq> = jsonBody(
  "group_create_req",
  struct<Omit<GroupCreateReq, "kind">>(
    "group_create_req",
    {
      name: boundedText("name", 1024),
      description: boundedText("description", 16_384),
      tags: plainList(boundedText("tag", 256), 256),
      visibility: oneOf("visibility", ["private", "unlisted", "public"]),
      join_mode: oneOf("join mode", ["invite_only", "open_invite"]),
      policy_source: boundedText("policy source", 16_384),
      policy: optional(rawJson),
    },
    { required: ["name", "visibility", "join_mode"] },
  ),
);

export const groupCreateRespBody: FrameBody<GroupCreateResp> = jsonBody(
  "group_create_resp",
  struct<Omit<GroupCreateResp, "kind">>(
    "group_create_resp",
    { group_id: groupId, founder: nodeInfo, open_invite: optional(createdLink) },
    { required: ["group_id", "founder"] },
  ),
);
