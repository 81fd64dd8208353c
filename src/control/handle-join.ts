import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import type { Joined } from "../node/operations.ts";
import { readiness } from "../view/readiness.ts";
import type { Handler } from "./handler.ts";

/** Wire. How long a join may take when the client does not say. */
const JOIN_TIMEOUT_MS = 90_000;
/** Ours. Longer waits belong in a loop around the command. */
const JOIN_TIMEOUT_MAX_MS = 3_600_000;

/** The original's join. It goes on when the client leaves, as the original's does. */
export const handleJoinGroup: Handler<"join_group_req"> = async (request, { node, send }) => {
  const hasInvite = request.invite.group_id !== GroupId.zero;
  if (hasInvite === (request.open_invite !== undefined)) {
    throw new EntmootError(
      "invalid_argument",
      "invite malformed: join request requires exactly one signed invite or open invite",
    );
  }
  if (!hasInvite) {
    throw new EntmootError(
      "unsupported",
      "open invites redeemed over HTTPS are not in this version; ask the issuer for a moot link",
    );
  }
  const joined = await node.joinByInvite({
    invite: request.invite,
    metadata: request.group_metadata,
    policy: request.group_policy,
    timeoutMs: timeoutOf(Number(request.timeout_ms)),
  });
  await send({
    kind: "join_group_resp",
    status: joined.status,
    group_id: joined.group_id,
    issuer: joined.issuer,
    members: joined.members,
    readiness: JSON.stringify(await readiness(node, { groupId: joined.group_id, status: joined.status })),
  });
};

/** Our join: any input, with progress on the way; it ends when the client leaves. */
export const handleJoinStart: Handler<"join_start"> = async (request, { node, send, gone }) => {
  // Progress is sent in order and never waited for: a slow client must not slow the join.
  let sending = Promise.resolve();
  const joined: Joined = await node.join({
    input: request.input,
    timeoutMs: timeoutOf(request.timeout_ms),
    signal: gone,
    onProgress: ({ stage, message }) => {
      sending = sending.then(() => send({ kind: "join_progress", stage, message })).catch(() => {});
    },
  });
  await sending;
  await send({ kind: "joined", ...joined });
};

function timeoutOf(ms: number): number {
  return ms <= 0 ? JOIN_TIMEOUT_MS : Math.min(ms, JOIN_TIMEOUT_MAX_MS);
}
