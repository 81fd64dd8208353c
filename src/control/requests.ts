import type { ControlFrame } from "../wire/control/control-frame.ts";
import { handleGroupCreate, handleLinkCreate, handleLinkList, handleLinkRevoke } from "./handle-group.ts";
import { handleInfo, handleNodeStatus, handlePeers } from "./handle-info.ts";
import { handleJoinGroup, handleJoinStart } from "./handle-join.ts";
import { handleProbe } from "./handle-probe.ts";
import { handlePublish, handlePublishToken, handleSignedPublish } from "./handle-publish.ts";
import { handleRestart } from "./handle-restart.ts";
import {
  handleInviteAuthorityCheck,
  handleInviteCreate,
  handleInviteMint,
  handleMemberRemove,
  handleRosterChange,
} from "./handle-roster.ts";
import { handleStop } from "./handle-stop.ts";
import { handleTail, handleWatch } from "./handle-tail.ts";
import type { Handler } from "./handler.ts";

/** Every request a client can make, with what carries it out. Any other frame is an answer, and out of place. */
const HANDLERS = {
  publish_req: handlePublish,
  tail_subscribe: handleTail,
  info_req: handleInfo,
  signed_publish_req: handleSignedPublish,
  join_group_req: handleJoinGroup,
  invite_create_req: handleInviteCreate,
  member_remove_req: handleMemberRemove,
  invite_authority_check_req: handleInviteAuthorityCheck,
  diag_probe_req: handleProbe,
  node_status_req: handleNodeStatus,
  stop_req: handleStop,
  group_create_req: handleGroupCreate,
  link_create_req: handleLinkCreate,
  link_list_req: handleLinkList,
  link_revoke_req: handleLinkRevoke,
  roster_change_req: handleRosterChange,
  invite_mint_req: handleInviteMint,
  join_start: handleJoinStart,
  peers_req: handlePeers,
  watch_req: handleWatch,
  publish_token_req: handlePublishToken,
  restart_req: handleRestart,
} as const satisfies { readonly [Kind in ControlFrame["kind"]]?: Handler<Kind> };

/** What carries out `frame`; `undefined` when it is no request. */
export function handlerOf(frame: ControlFrame): Handler<ControlFrame["kind"]> | undefined {
  return (HANDLERS as { readonly [kind: string]: unknown })[frame.kind] as Handler<ControlFrame["kind"]> | undefined;
}

/** Requests whose answer lasts as long as the client likes. */
const STREAMS: ReadonlySet<ControlFrame["kind"]> = new Set(["tail_subscribe", "watch_req"]);

/** Whether `frame` asks for a stream without end. */
export function asksForStream(frame: ControlFrame): boolean {
  return STREAMS.has(frame.kind);
}
