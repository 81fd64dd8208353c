import { GroupId } from "../core/ids.ts";
import type { CreatedLink, LinkRow } from "../node/operations/invites.ts";
import type { IssuedOpenInvite } from "../node/operations/public.ts";

/** A link this node issued, as `invite list` prints it. `uses` 0 is without limit, `expires_at_ms` 0 without end. */
export function linkRowJson(row: LinkRow) {
  return {
    id: row.id,
    group_id: GroupId.toBase64(row.group_id),
    status: row.status,
    uses: row.uses,
    used: row.used,
    created_at_ms: row.created_at_ms,
    expires_at_ms: row.expires_at_ms,
  };
}

/** A new link. Its text, which is the secret, is shown this once. */
export function linkJson({ expires_at_ms, group_id, id, link, uses }: CreatedLink) {
  return { link, id, group_id: GroupId.toBase64(group_id), uses, expires_at_ms };
}

/** A new open invite, with the original's keys. Its token is shown this once. */
export function openInviteJson(issued: IssuedOpenInvite) {
  return {
    token: issued.token,
    token_hash: issued.token_hash,
    link: issued.link,
    issuer_url: issued.issuer_url,
    max_uses: issued.uses,
    ...(issued.expires_at_ms === 0 ? {} : { expires_at_ms: issued.expires_at_ms }),
    id: issued.id,
  };
}
