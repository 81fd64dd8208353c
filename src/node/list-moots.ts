import { EntmootError } from "../core/errors.ts";
import { policyName } from "../core/policy/policy.ts";
import { keepsEverything } from "../core/policy/retention.ts";
import type { Windows } from "./agents/windows.ts";
import type { Group } from "./group/group.ts";
import { groupName, mootDescription, mootMetadata, mootTags } from "./group/group-name.ts";
import { keptMootName } from "./kept-names.ts";
import type { NodeContext } from "./node-context.ts";
import { fittingRows } from "./operations/fitting-rows.ts";
import { MOOTS_ROOM, type moots, type OwnMoot } from "./operations/membership.ts";
import type { AnswerOf, RequestOf } from "./operations/operation.ts";

/** Ours. Moots whose unread are counted: as many as are known by heart. */
const COUNTED_MAX = 128;

export interface MootListing extends NodeContext {
  readonly windows: () => Windows;
}

/** The moots of this node, in the order of the data root. */
export async function listMoots(
  node: MootListing,
  { group_id }: RequestOf<typeof moots>,
): Promise<AnswerOf<typeof moots>> {
  const groups = group_id === undefined ? node.groups() : [node.requireGroup(group_id)];
  const rows: OwnMoot[] = [];
  const lost = new Map(group_id === undefined ? node.unopened() : []);
  for (const [n, group] of groups.entries()) {
    try {
      rows.push({ ...rowOf(group), ...(n < COUNTED_MAX ? await unreadOf(node, group) : NOT_COUNTED) });
    } catch (error) {
      // One that cannot be read must not hide the others.
      if (!(error instanceof EntmootError) || group_id !== undefined) throw error;
      lost.set(group.id, error);
    }
  }
  const { more, rows: fitting } = fittingRows(rows, MOOTS_ROOM);
  const unopened = [...lost].slice(0, COUNTED_MAX).map(([id, { message }]) => {
    return { group_id: id, name: keptMootName(node.root.node, id) ?? "", reason: message };
  });
  return { moots: fitting, unopened, more };
}

const NOT_COUNTED = { unread: undefined, unread_more: false };

/** A node whose inbox nobody ever asked for keeps none. */
async function unreadOf(node: MootListing, group: Group): Promise<Pick<OwnMoot, "unread" | "unread_more">> {
  if (!node.root.hasAgents()) return NOT_COUNTED;
  const window = node.windows().of(group);
  await window.fill();
  return { unread: window.entries.length, unread_more: !window.isWhole };
}

function rowOf(group: Group): Omit<OwnMoot, "unread" | "unread_more"> {
  const { store } = group;
  const { visibility } = mootMetadata(store);
  const days = group.policy.current?.retention_days;
  return {
    group_id: group.id,
    name: groupName(store),
    description: mootDescription(store),
    tags: mootTags(store),
    visibility: typeof visibility === "string" ? visibility : "",
    members: group.roster.log.members.length,
    messages: store.messages.size,
    founder: group.isFounder,
    member: group.self !== undefined,
    left_ms: group.leftMs ?? 0,
    removed_ms: group.removal?.at_ms,
    policy: policyName(group.policy.current),
    retention_days: days === undefined || keepsEverything(days) ? undefined : days,
  };
}
