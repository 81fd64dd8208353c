import { mentionsOf, nameForm } from "../../core/agents/mentions.ts";
import type { UnixMs } from "../../core/clock.ts";
import type { Message, NodeInfo } from "../../core/record/records.ts";
import { profileName } from "../group/profiles.ts";
import { UNMET_IDS_MAX, UNMET_MAX, type UnmetMention } from "../operations/messages.ts";
import type { Moot } from "../read/moots.ts";

/** Whom a message means to name and does not: names and ids that no current member has, and names that several have. */
export function unmetMentions(
  moot: Moot,
  message: Pick<Message, "content">,
  nowMs: UnixMs,
): readonly UnmetMention[] | undefined {
  const { names, nodeIds } = mentionsOf({ ...message, references: [] });
  if (names.size === 0 && nodeIds.size === 0) return undefined;
  const named = new Map<string, NodeInfo[]>();
  if (names.size > 0) {
    for (const member of moot.roster.members.values()) {
      const form = nameForm(profileName(moot, member, nowMs));
      if (names.has(form)) named.set(form, [...(named.get(form) ?? []), member]);
    }
  }
  const unmet: UnmetMention[] = [];
  for (const nodeId of nodeIds) {
    if (moot.roster.log.member(nodeId) === undefined) unmet.push({ mention: String(nodeId), members: 0, node_ids: [] });
  }
  for (const name of names) {
    const members = named.get(name) ?? [];
    if (members.length === 1) continue;
    const node_ids = members.slice(0, UNMET_IDS_MAX).map(({ pilot_node_id }) => pilot_node_id);
    unmet.push({ mention: name, members: members.length, node_ids });
  }
  return unmet.length === 0 ? undefined : unmet.slice(0, UNMET_MAX);
}
