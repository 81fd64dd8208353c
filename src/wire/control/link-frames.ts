import type { GroupId } from "../../core/ids.ts";
import { struct } from "../../core/json/json-codec.ts";
import { groupId } from "../../core/json/json-scalars.ts";
import { boundedText, count, oneOf, plainList } from "../frame/bounded.ts";
import { type FrameBody, jsonBody } from "../frame/frame-body.ts";
import { type GroupFrame, strictGroupBody } from "../frame/group-body.ts";

/** Ours. As many as a node keeps. */
export const LINKS_MAX = 10_000;

/** A moot link as its issuer keeps it: never the link itself. */
export interface LinkRow {
  readonly id: string;
  readonly group_id: GroupId;
  /** How many it is good for; 0: any number. */
  readonly uses: number;
  /** How many used it. */
  readonly used: number;
  readonly created_at_ms: number;
  /** 0: never. */
  readonly expires_at_ms: number;
  readonly status: "active" | "expired" | "used_up" | "revoked";
}

/** A link just made, the only time its text is shown. */
export interface CreatedLink extends LinkRow {
  readonly link: string;
}

export interface LinkCreateReq {
  readonly kind: "link_create_req";
  readonly group_id: GroupId;
  /** 0: no limit. */
  readonly uses: number;
  /** 0: for ever. */
  readonly valid_for_ms: number;
}

export type LinkCreateResp = { readonly kind: "link_create_resp" } & CreatedLink;

export type LinkListReq = GroupFrame<"link_list_req">;

export interface LinkListResp {
  readonly kind: "link_list_resp";
  readonly links: readonly LinkRow[];
}

export interface LinkRevokeReq {
  readonly kind: "link_revoke_req";
  readonly group_id: GroupId;
  /** The link's text, or its id. */
  readonly link: string;
}

/** The link as it is now. */
export type LinkRevokeResp = { readonly kind: "link_revoke_resp" } & LinkRow;

const LINK_BYTES_MAX = 4096;

const linkFields = {
  id: boundedText("id", 64),
  group_id: groupId,
  uses: count,
  used: count,
  created_at_ms: count,
  expires_at_ms: count,
  status: oneOf("status", ["active", "expired", "used_up", "revoked"]),
} as const;

const linkRow = struct<LinkRow>("link", linkFields, { required: ["id", "group_id", "status"] });

export const createdLink = struct<CreatedLink>(
  "created link",
  { ...linkFields, link: boundedText("link", LINK_BYTES_MAX) },
  { required: ["id", "group_id", "status", "link"] },
);

export const linkCreateReqBody: FrameBody<LinkCreateReq> = jsonBody(
  "link_create_req",
  struct<Omit<LinkCreateReq, "kind">>(
    "link_create_req",
    { group_id: groupId, uses: count, valid_for_ms: count },
    { required: ["group_id"] },
  ),
);

export const linkCreateRespBody: FrameBody<LinkCreateResp> = jsonBody("link_create_resp", createdLink);
export const linkListReqBody: FrameBody<LinkListReq> = strictGroupBody("link_list_req");

export const linkListRespBody: FrameBody<LinkListResp> = jsonBody(
  "link_list_resp",
  struct<Omit<LinkListResp, "kind">>(
    "link_list_resp",
    { links: plainList(linkRow, LINKS_MAX) },
    { required: ["links"] },
  ),
);

export const linkRevokeReqBody: FrameBody<LinkRevokeReq> = jsonBody(
  "link_revoke_req",
  struct<Omit<LinkRevokeReq, "kind">>(
    "link_revoke_req",
    { group_id: groupId, link: boundedText("link", LINK_BYTES_MAX) },
    { required: ["group_id", "link"] },
  ),
);

export const linkRevokeRespBody: FrameBody<LinkRevokeResp> = jsonBody("link_revoke_resp", linkRow);
