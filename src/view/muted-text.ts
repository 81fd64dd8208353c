import { sameBytes } from "../core/bytes/byte-strings.ts";
import { mutes } from "../node/operations/inbox.ts";
import type { Operations } from "../node/operations/operation.ts";
import { timeText } from "./receipt-text.ts";
import type { MemberMeant } from "./which-member.ts";

/**
 * Why no inbox here shows what the member answers, and what ends that; `undefined` where it is not muted in that moot. `who`: its
 * name as it is shown.
 */
export async function mutedText(
  node: Pick<Operations, "call">,
  { group_id, member }: Pick<MemberMeant, "group_id" | "member">,
  { nowMs, who }: { readonly nowMs: number; readonly who: string },
): Promise<string | undefined> {
  const { mutes: all } = await node.call(mutes, {});
  const [first, ...others] = all.filter(
    (mute) =>
      sameBytes(mute.member, member.entmoot_pubkey) && (mute.group_id === undefined || mute.group_id === group_id),
  );
  if (first === undefined) return undefined;
  const isUntil = others.length === 0 && first.until_ms !== undefined;
  const until = isUntil ? ` until ${timeText(first.until_ms, nowMs)}` : "";
  return `${who} is muted here${until}, so no inbox shows what it answers meanwhile; "entmootd unmute ${member.node_id}" hears it again`;
}
