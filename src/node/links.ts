import { linkInJson } from "../core/admission/link-in-json.ts";
import { formatMootLink, isMootLink, LINK_HINTS_MAX, parseMootLink } from "../core/admission/moot-link.ts";
import { isEntmootLink, parseOpenInviteLink } from "../core/admission/open-invite.ts";
import { USES_MAX } from "../core/admission/redemption.ts";
import { sha256Hex } from "../core/bytes/sha256.ts";
import { trimSpace } from "../core/bytes/text.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError, type ErrorCode } from "../core/errors.ts";
import { GroupId, type PublicKey } from "../core/ids.ts";
import { linkId } from "../store/link-rules.ts";
import type { IssuedLink } from "../store/node-store.ts";
import type { Frame } from "../wire/peer/frame.ts";
import type { RedeemReq } from "../wire/peer/redeem-frames.ts";
import { admitRedeemer, inviteForRedeemer, liveLink, type NotAdmitted } from "./admit-redeemer.ts";
import { requireFounder } from "./change-roster.ts";
import { groupName } from "./group/group-name.ts";
import type { NodeContext } from "./node-context.ts";
import { linkRow } from "./open-links.ts";
import type { CreatedLink, LinkRow, link_create, link_revoke } from "./operations/invites.ts";
import type { RequestOf } from "./operations/operation.ts";

/** Ours. Cannot be guessed, and keeps the link short. */
const ISSUED_TOKEN_BYTES = 16;

/** Issues a link to a group this node founded. */
export function createLink(context: NodeContext, request: RequestOf<typeof link_create>): CreatedLink {
  const group = context.requireGroup(request.group_id);
  requireFounder(group);
  const { uses = 0, valid_for_ms: validForMs = 0 } = request;
  if (!Number.isInteger(uses) || uses < 0 || uses > USES_MAX) {
    throw new EntmootError("invalid_argument", `uses: expected 0 (no limit) to ${USES_MAX}, got ${uses}`);
  }
  if (!Number.isFinite(validForMs) || validForMs < 0) {
    throw new EntmootError("invalid_argument", `valid_for_ms: expected a positive number, got ${validForMs}`);
  }
  const nowMs = context.clock.unix();
  const token = crypto.getRandomValues(new Uint8Array(ISSUED_TOKEN_BYTES));
  const token_hash = sha256Hex(token);
  const expiresAtMs = validForMs === 0 ? 0 : Math.floor(nowMs + validForMs);
  const issued: IssuedLink = {
    id: linkId(token_hash),
    token_hash,
    group_id: group.id,
    uses,
    used: 0,
    created_at_ms: nowMs,
    expires_at_ms: expiresAtMs,
    revoked: false,
  };
  const hints = context.hints.told().slice(0, LINK_HINTS_MAX);
  const link = formatMootLink({ groupId: group.id, hints, token, expiresAtMs }, context.identity.seed);
  context.root.node.links.create(issued);
  if (request.alone) group.doubt.dismiss();
  return { ...linkRow(issued, nowMs), link };
}

/** The links this node issued for a group, oldest first. */
export function listLinks(context: NodeContext, groupId: GroupId): LinkRow[] {
  const group = context.requireGroup(groupId);
  return context.root.node.links.list(group.id).map((link) => linkRow(link, context.clock.unix()));
}

/** Takes a link back, named by its text or its id. Throws `not_found`. */
export function revokeLink(context: NodeContext, request: RequestOf<typeof link_revoke>): LinkRow {
  const group = context.requireGroup(request.group_id);
  const given = linkInJson(request.link) ?? request.link;
  const named = tokenHashIn(given) ?? trimSpace(given);
  const link = context.root.node.links.revoke(group.id, named);
  if (link === undefined) {
    throw new EntmootError(
      "not_found",
      `no such link was issued here for this group; list them with "entmootd invite list -group ${GroupId.toBase64(group.id)}"`,
    );
  }
  return linkRow(link, context.clock.unix());
}

/** Of the token in a link; `undefined` for what is none. */
function tokenHashIn(given: string): string | undefined {
  if (isMootLink(given)) return sha256Hex(parseMootLink(given).token);
  return isEntmootLink(given) ? sha256Hex(encodeUtf8(parseOpenInviteLink(given).token)) : undefined;
}

/**
 * A stranger shows a token over a connection that proved its key. Adds the key to the roster and answers with a
 * fresh invite; a member gets the invite alone and no use is taken. Throws the refusal.
 */
export function redeemLink(context: NodeContext, from: PublicKey, { group_id, token }: RedeemReq): Frame {
  const tokenHash = sha256Hex(token);
  const found = liveLink(context, tokenHash, group_id);
  if (typeof found === "string") throw refuse(found);
  const { group } = found;
  const refused = admitRedeemer(context, group, { key: from, tokenHash });
  if (refused !== undefined) throw refuse(refused);
  const invite = inviteForRedeemer(context, group, from);
  return { kind: "redeem_resp", group_id, invite, name: groupName(group.store) };
}

const REFUSALS = {
  not_found: ["not_found", "this link is not known to its issuer; ask for a new one"],
  revoked: ["not_found", "this link was revoked; ask for a new one"],
  expired: ["expired", "this link has expired; ask for a new one"],
  used_up: ["expired", "this link is used up; ask for a new one"],
  removed: ["not_member", "this key was removed from the group; only the founder can add it again, with roster add"],
} as const satisfies Record<NotAdmitted, readonly [ErrorCode, string]>;

function refuse(reason: NotAdmitted): EntmootError {
  const [code, message] = REFUSALS[reason];
  return new EntmootError(code, message);
}
