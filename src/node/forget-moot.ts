import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import type { Group } from "./group/group.ts";
import { isKnownToHaveLeft } from "./leave-moot.ts";
import type { NodeContext } from "./node-context.ts";
import { openLinks } from "./open-links.ts";
import type { MootForgotten, moot_forget } from "./operations/membership.ts";
import type { RequestOf } from "./operations/operation.ts";

/**
 * What keeps a moot that is about to be forgotten, and gives where. Nothing is written in the moot any more when it is
 * called, and the moot goes only once it has resolved.
 */
export type ExportBeforeForget = (
  node: Pick<NodeContext, "clock" | "identity" | "requireGroup">,
  group: Group,
  signal: AbortSignal,
) => Promise<string>;

export interface ForgetServices extends NodeContext {
  /** Without one the folder of the moot is set aside as it is. */
  readonly exportBeforeForget: ExportBeforeForget | undefined;
  /**
   * Closes a group, so that nothing comes in any more, lets `keeping` keep it, and takes it away; where that gives no place, its
   * folder is set aside unless `keep` is false. Gives where it is kept. When any of it fails the group is open as before.
   */
  readonly forget: (
    group: Group,
    how: { readonly keep: boolean; readonly keeping: () => Promise<string | undefined> },
  ) => Promise<string | undefined>;
}

/** Takes a moot off this node. Nothing is lost before what is to be kept is kept. */
export async function forgetMoot(
  node: ForgetServices,
  { force = false, group_id, keep = true }: RequestOf<typeof moot_forget>,
  { signal }: { readonly signal: AbortSignal },
): Promise<MootForgotten> {
  const group = node.requireGroup(group_id);
  if (!force) await requireForgettable(node, group);
  const kept_at = await node.forget(group, {
    keep,
    keeping: async () =>
      keep ? await node.exportBeforeForget?.({ ...node, requireGroup: () => group }, group, signal) : undefined,
  });
  return { group_id, kept_at, links_ended: endLinks(node, group_id) };
}

/** Nobody could join by them any more; how many were open. */
function endLinks(node: ForgetServices, id: GroupId): number {
  try {
    return openLinks(node, id, true).length;
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    node.log.warn(`group ${GroupId.toBase64(id)}: is gone, and its links are not noted as ended: ${error.message}`);
    return 0;
  }
}

async function requireForgettable(node: NodeContext, group: Group): Promise<void> {
  if (group.isFounder && group.roster.members.size > 1) {
    throw new EntmootError(
      "conflict",
      "this node founded the moot: without it nobody can add or remove anybody, or change what it allows; go on with -force",
    );
  }
  if (group.isFounder || (await isKnownToHaveLeft(node, group))) return;
  const next =
    group.leftMs === undefined
      ? 'this node is a member, and would stay on the roster; leave it first: "entmootd group leave"'
      : "no member that is connected now knows yet that this node has left; run the daemon until one does";
  throw new EntmootError("conflict", `${next}; or go on with -force`);
}
