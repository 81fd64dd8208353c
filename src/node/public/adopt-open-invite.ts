import { USES_MAX } from "../../core/admission/redemption.ts";
import { EntmootError } from "../../core/errors.ts";
import { linkId } from "../../store/link-rules.ts";
import { requireFounder } from "../change-roster.ts";
import type { NodeContext } from "../node-context.ts";
import { linkRow } from "../open-links.ts";
import type { LinkRow } from "../operations/invites.ts";
import type { RequestOf } from "../operations/operation.ts";
import type { open_invite_adopt } from "../operations/public.ts";

/** Takes over an open invite with what was used of it; one that is here already is only ever ended by it. */
export function adoptOpenInvite(context: NodeContext, request: RequestOf<typeof open_invite_adopt>): LinkRow {
  const group = context.requireGroup(request.group_id);
  requireFounder(group);
  const { created_at_ms, expires_at_ms, revoked = false, uses } = request;
  const redeemed = [...new Set(request.redeemed ?? [])];
  const token_hash = hashOf(request.token_hash);
  const { links } = context.root.node;
  const nowMs = context.clock.unix();
  if (links.get(token_hash) === undefined) {
    // Those who are known take their use below.
    const used = Math.max(0, Math.min(request.used, USES_MAX) - redeemed.length);
    links.create({
      id: linkId(token_hash),
      token_hash,
      group_id: group.id,
      uses: Math.min(uses, USES_MAX),
      used,
      created_at_ms,
      expires_at_ms,
      revoked: false,
    });
    for (const key of redeemed) links.redeem({ tokenHash: token_hash, key, nowMs });
  }
  const link = revoked ? links.revoke(group.id, token_hash) : links.get(token_hash);
  if (link === undefined || link.group_id !== group.id) {
    throw new EntmootError("conflict", "open invite: it is here as one of another moot");
  }
  return linkRow(link, nowMs);
}

/** As it is kept here. */
function hashOf(text: string): string {
  const bytes = /^[A-Za-z0-9_-]{43}$/.test(text) ? Buffer.from(text, "base64url") : undefined;
  if (bytes?.length === 32) return bytes.toString("hex");
  throw new EntmootError("invalid_argument", "token_hash: expected 32 bytes in base64url");
}
