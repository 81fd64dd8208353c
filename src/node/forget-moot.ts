import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import type { Group } from "./group/group.ts";
import { isKnownToHaveLeft } from "./leave-moot.ts";
import type { NodeContext } from "./node-context.ts";
import { openLinks } from "./open-links.ts";
import type { MootForgotten, moot_forget } from "./operations/membership.ts";
import type { RequestOf } from "./operations/operation.ts";

/**
 * What keeps a moot that is about to be forgotten, and gives where. It is called while the moot is still open, and the
 * moot goes only once it has resolved.
 */
export type ExportBeforeForget = (group: Group) => Promise<string>;

export interface ForgetServices extends NodeContext {
  /** Without one the folder of the moot is set aside as it is. */
  readonly exportBeforeForget: ExportBeforeForget | undefined;
  /** Closes a group and takes it away; with `keep` its folder is set aside, and where is given. */
  readonly forget: (id: GroupId, how: { readonly keep: boolean }) => Promise<string | undefined>;
}

/** Takes a moot off this node. Nothing is lost before what is to be kept is kept. */
export async function forgetMoot(
  node: ForgetServices,
  { force = false, group_id, keep = true }: RequestOf<typeof moot_forget>,
): Promise<MootForgotten> {
  const group = node.requireGroup(group_id);
  if (!force) await requireForgettable(node, group);
  const exported = keep ? await node.exportBeforeForget?.(group) : undefined;
  const links_ended = openLinks(node, group_id, true).length;
  const aside = await node.forget(group_id, { keep: keep && exported === undefined });
  return { group_id, kept_at: exported ?? aside, links_ended };
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
