import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import type { NodeInfo } from "../core/record/records.ts";
import type { Handler } from "./handler.ts";

/** Wire. How long an invite made by request is good for. */
const INVITE_VALID_FOR_MS = 24 * 3_600_000;

/** The original's "take this node in and make it an invite". */
export const handleInviteCreate: Handler<"invite_create_req"> = async (request, { node, send }) => {
  verifyTarget("invite_create", request.group_id, request.target);
  const wantsPilot =
    request.require_pilot_identity ||
    request.require_pilot_proof ||
    [request.target_pilot_pubkey, request.target_pilot_proof, request.target_pilot_signature].some(
      ({ length }) => length > 0,
    );
  if (wantsPilot) {
    throw new EntmootError(
      "unavailable",
      "pilot-daemon does not advertise lookup_node: this daemon runs without Pilot and cannot check a Pilot identity",
    );
  }
  // The last that is given wins: the default, then the span, then the instant.
  const forMs = request.valid_for_ms === 0n ? INVITE_VALID_FOR_MS : Number(request.valid_for_ms);
  const admitted = await node.admit({
    groupId: request.group_id,
    target: request.target,
    peers: request.bootstrap_peers.length === 0 ? undefined : request.bootstrap_peers,
    validity: request.valid_until_ms === 0n ? { forMs } : { untilMs: request.valid_until_ms },
  });
  await send({ kind: "invite_create_resp", status: "created", ...admitted });
};

/** The original's removal. */
export const handleMemberRemove: Handler<"member_remove_req"> = async (request, { node, send }) => {
  verifyTarget("member_remove", request.group_id, request.target);
  const state = await node.expel({ groupId: request.group_id, target: request.target });
  await send({ kind: "member_remove_resp", status: "removed", ...state });
};

/** The original's "could I make an invite here?" */
export const handleInviteAuthorityCheck: Handler<"invite_authority_check_req"> = async (request, { node, send }) => {
  if (request.group_id === GroupId.zero) {
    throw new EntmootError("invalid_argument", "invite_authority_check requires group_id");
  }
  const state = await node.inviteAuthority(request.group_id);
  await send({ kind: "invite_authority_check_resp", status: "ok", ...state });
};

/** A roster change by key. */
export const handleRosterChange: Handler<"roster_change_req"> = async (request, { node, send }) => {
  const changed = await node.changeRoster({
    groupId: request.group_id,
    op: request.op,
    nodeId: request.node_id,
    key: request.entmoot_pubkey,
  });
  await send({ kind: "roster_change_resp", ...changed });
};

/** An invite that changes no roster. */
export const handleInviteMint: Handler<"invite_mint_req"> = async (request, { node, send }) => {
  const invite = await node.mintInvite({
    groupId: request.group_id,
    peers: request.peers,
    validForMs: request.valid_for_ms,
  });
  await send({ kind: "invite_mint_resp", invite });
};

function verifyTarget(request: string, groupId: GroupId, target: NodeInfo): void {
  if (groupId === GroupId.zero) throw new EntmootError("invalid_argument", `${request} requires group_id`);
  if (target.pilot_node_id === 0)
    throw new EntmootError("invalid_argument", `${request} requires target agent identity: no node id`);
  const length = target.entmoot_pubkey?.length ?? 0;
  if (length !== 32) {
    throw new EntmootError(
      "invalid_argument",
      `${request} requires target agent identity: expected a key of 32 bytes, got ${length}`,
    );
  }
}
