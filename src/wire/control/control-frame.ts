import { EntmootError } from "../../core/errors.ts";
import { CONTROL_EXTENSIONS } from "../frame/extensions.ts";
import type { FrameBodies, FrameBody } from "../frame/frame-body.ts";
import { EXTENSION_TYPE_MIN } from "../frame/frame-types.ts";
import { writeFrame } from "../frame/frame-writer.ts";
import { type Refused, refusedBody } from "../frame/refused-frame.ts";
import type { UnknownExtension } from "../peer/frame.ts";
import { type DiagProbeReq, type DiagProbeResp, diagProbeReqBody, diagProbeRespBody } from "./control-diag-frames.ts";
import { type ErrorFrame, errorBody } from "./control-error-frame.ts";
import { type InfoReq, type InfoResp, infoReqBody, infoRespBody } from "./control-info-frames.ts";
import {
  type InviteAuthorityCheckReq,
  type InviteAuthorityCheckResp,
  type InviteCreateReq,
  type InviteCreateResp,
  inviteAuthorityCheckReqBody,
  inviteAuthorityCheckRespBody,
  inviteCreateReqBody,
  inviteCreateRespBody,
  type MemberRemoveReq,
  type MemberRemoveResp,
  memberRemoveReqBody,
  memberRemoveRespBody,
} from "./control-invite-frames.ts";
import { type JoinGroupReq, type JoinGroupResp, joinGroupReqBody, joinGroupRespBody } from "./control-join-frames.ts";
import { controlLimits } from "./control-limits.ts";
import {
  type PublishReq,
  type PublishResp,
  publishReqBody,
  publishRespBody,
  type SignedPublishReq,
  type SignedPublishResp,
  signedPublishReqBody,
  signedPublishRespBody,
} from "./control-publish-frames.ts";
import { type TailEvent, type TailSubscribe, tailEventBody, tailSubscribeBody } from "./control-tail-frames.ts";
import { CONTROL_TYPE } from "./control-types.ts";
import { type OperationFrame, operationBody } from "./operation-frame.ts";

/** What an original client or daemon says on the control socket. */
type OriginalControlFrame =
  | PublishReq
  | PublishResp
  | TailSubscribe
  | TailEvent
  | InfoReq
  | InfoResp
  | SignedPublishReq
  | SignedPublishResp
  | JoinGroupReq
  | JoinGroupResp
  | InviteCreateReq
  | InviteCreateResp
  | MemberRemoveReq
  | MemberRemoveResp
  | InviteAuthorityCheckReq
  | ErrorFrame
  | InviteAuthorityCheckResp
  | DiagProbeReq
  | DiagProbeResp;

/** What ours say besides. */
type ControlExtensionFrame = Refused | OperationFrame;

/** Everything said on the control socket, in both directions. */
export type ControlFrame = OriginalControlFrame | ControlExtensionFrame;

const TYPE_OF_KIND: Readonly<Record<ControlFrame["kind"], number>> = {
  ...CONTROL_TYPE,
  ...(Object.fromEntries(Object.entries(CONTROL_EXTENSIONS).map(([kind, { type }]) => [kind, type])) as Record<
    keyof typeof CONTROL_EXTENSIONS,
    number
  >),
};

const BODIES: FrameBodies<ControlFrame> = {
  publish_req: publishReqBody,
  publish_resp: publishRespBody,
  tail_subscribe: tailSubscribeBody,
  tail_event: tailEventBody,
  info_req: infoReqBody,
  info_resp: infoRespBody,
  signed_publish_req: signedPublishReqBody,
  signed_publish_resp: signedPublishRespBody,
  join_group_req: joinGroupReqBody,
  join_group_resp: joinGroupRespBody,
  invite_create_req: inviteCreateReqBody,
  invite_create_resp: inviteCreateRespBody,
  member_remove_req: memberRemoveReqBody,
  member_remove_resp: memberRemoveRespBody,
  invite_authority_check_req: inviteAuthorityCheckReqBody,
  error: errorBody,
  invite_authority_check_resp: inviteAuthorityCheckRespBody,
  diag_probe_req: diagProbeReqBody,
  diag_probe_resp: diagProbeRespBody,
  refused: refusedBody,
  operation: operationBody,
};

const BODY_OF_TYPE = new Map(
  Object.entries(TYPE_OF_KIND).map(([kind, type]) => [
    type,
    BODIES[kind as ControlFrame["kind"]] as FrameBody<ControlFrame>,
  ]),
);

/** The type byte of a kind of frame, for `refused`. */
export function controlType(kind: ControlFrame["kind"]): number {
  return TYPE_OF_KIND[kind];
}

/** The bytes of a frame, to be handed over in one write. Throws `frame_too_large` past the type's limit. */
export function encodeControlFrame(frame: ControlFrame): Uint8Array<ArrayBuffer> {
  const body = BODIES[frame.kind] as FrameBody<ControlFrame>;
  return writeFrame(TYPE_OF_KIND[frame.kind], body.encode(frame), controlLimits);
}

/** The frame a reader gave. Throws `unknown_frame` or `malformed_frame`; the type is looked at before the body. */
export function decodeControlFrame(type: number, body: Uint8Array): ControlFrame | UnknownExtension {
  const codec = BODY_OF_TYPE.get(type);
  if (codec !== undefined) return codec.decode(body);
  if (type >= EXTENSION_TYPE_MIN) return { kind: "unknown_extension", type };
  const name = `0x${type.toString(16).padStart(2, "0")}`;
  throw new EntmootError("unknown_frame", `control frame: expected a known type, found ${name}`);
}
