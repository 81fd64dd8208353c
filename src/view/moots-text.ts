import { instantText } from "../core/amounts.ts";
import { GroupId } from "../core/ids.ts";
import type { moots, OwnMoot } from "../node/operations/membership.ts";
import type { AnswerOf } from "../node/operations/operation.ts";
import { terminalText } from "./terminal-text.ts";

/** Ours. Of a name, and of what a moot is for, in a table. */
const NAME_SHOWN = 40;
const DESCRIPTION_SHOWN = 100;

/** One moot as `group list -json` prints it. */
export function mootJson(moot: OwnMoot) {
  return {
    group_id: GroupId.toBase64(moot.group_id),
    name: moot.name,
    ...(moot.description === "" ? {} : { description: moot.description }),
    ...(moot.tags.length === 0 ? {} : { tags: moot.tags }),
    ...(moot.visibility === "" ? {} : { visibility: moot.visibility }),
    members: moot.members,
    messages: moot.messages,
    unread: moot.unread ?? null,
    ...(moot.unread_more ? { unread_more: true } : {}),
    founder: moot.founder,
    local_member: moot.member,
    ...(moot.left_ms === 0 ? {} : { left_ms: moot.left_ms }),
    ...(moot.removed_ms === undefined ? {} : { removed_ms: Number(moot.removed_ms) }),
    policy: moot.policy,
    retention_days: moot.retention_days === undefined ? null : Number(moot.retention_days),
  };
}

/** One that cannot be opened. */
export function closedMootJson({ group_id, name, reason }: AnswerOf<typeof moots>["unopened"][number]) {
  return { group_id: GroupId.toBase64(group_id), ...(name === "" ? {} : { name }), unopened: reason };
}

/** One moot for people: a line, and one more for what it is for. */
export function mootLines(moot: OwnMoot): string[] {
  const name = terminalText(moot.name, NAME_SHOWN).trim();
  const count = (of: number, what: string) => `${of} ${what}${of === 1 ? "" : "s"}`;
  const parts = [
    count(moot.members, "member"),
    count(moot.messages, "message"),
    ...(moot.unread === undefined ? [] : [`${moot.unread}${moot.unread_more ? "+" : ""} unread`]),
    moot.retention_days === undefined ? "keeps everything" : `keeps ${moot.retention_days} days`,
    `policy ${moot.policy}`,
    ...standing(moot),
  ];
  const about = [moot.description, moot.tags.map((tag) => `#${tag}`).join(" ")].filter((text) => text !== "");
  return [
    `${name === "" ? "(no name)" : name}  ${GroupId.toBase64(moot.group_id)}`,
    `  ${parts.join(", ")}`,
    ...about.map((text) => `  ${terminalText(text, DESCRIPTION_SHOWN)}`),
  ];
}

function standing({ founder, left_ms, member, removed_ms }: OwnMoot): string[] {
  if (founder) return ["founded here"];
  if (left_ms > 0) return [`left ${instantText(left_ms)}`];
  if (removed_ms !== undefined) return [`removed ${instantText(Number(removed_ms))}`];
  return member ? [] : ["no member"];
}
