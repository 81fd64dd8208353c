import type { GroupId } from "../../core/ids.ts";
import { members } from "../../node/operations/moots.ts";
import type { Operations } from "../../node/operations/operation.ts";
import type { NamesOfMembers } from "../../view/found-text.ts";

/** What the members of a moot call themselves, for people to read. */
export async function memberNames(node: Operations, group_id: GroupId): Promise<NamesOfMembers> {
  const found = await node.call(members, { group_id });
  return new Map(found.members.map(({ hostname, node_id }) => [node_id, hostname]));
}
