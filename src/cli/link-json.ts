import { GroupId } from "../core/ids.ts";
import type { CreatedLink, LinkRow } from "../node/operations.ts";

/** A link this node issued, as `invite list` prints it. `max_uses` 0 is without limit. */
export function linkRowJson(row: LinkRow) {
  return {
    id: row.id,
    group_id: GroupId.toBase64(row.group_id),
    status: row.status,
    max_uses: row.uses_max,
    uses: row.uses,
    created_at_ms: row.created_at_ms,
    ...(row.expires_at_ms === 0 ? {} : { expires_at_ms: row.expires_at_ms }),
  };
}

/** A new link. Its text, which is the secret, is shown this once. */
export function linkJson(created: CreatedLink) {
  return { link: created.link, ...linkRowJson(created) };
}
