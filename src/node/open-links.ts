import { redeemableStatus } from "../core/admission/redemption.ts";
import type { UnixMs } from "../core/clock.ts";
import type { GroupId } from "../core/ids.ts";
import type { IssuedLink } from "../store/node-store.ts";
import type { NodeContext } from "./node-context.ts";
import type { LinkRow } from "./operations/invites.ts";

/**
 * The links of this group by which somebody could still join, as none is bound to a key; with `revoke` ended, and given as
 * they are then.
 */
export function openLinks({ clock, root }: NodeContext, groupId: GroupId, revoke = false): LinkRow[] {
  const { links } = root.node;
  const nowMs = clock.unix();
  const open = links.list(groupId).filter((link) => redeemableStatus(link, nowMs) === "active");
  const left = revoke ? open.map((link) => links.revoke(groupId, link.token_hash) ?? link) : open;
  return left.map((link) => linkRow(link, nowMs));
}

/** What people are told of a link. */
export function linkRow(link: IssuedLink, nowMs: UnixMs): LinkRow {
  const { created_at_ms, expires_at_ms, group_id, id, used, uses } = link;
  const token_hash = Buffer.from(link.token_hash, "hex").toString("base64url");
  return { id, group_id, uses, used, created_at_ms, expires_at_ms, status: redeemableStatus(link, nowMs), token_hash };
}
