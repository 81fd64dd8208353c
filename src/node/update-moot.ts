import { trimSpace } from "../core/bytes/text.ts";
import { EntmootError } from "../core/errors.ts";
import { encodeAbout } from "../core/record/about.ts";
import { requireFounder, requireMaySign } from "./change-roster.ts";
import { groupName, METADATA_FACT, mootDescription, mootMetadata, mootTags } from "./group/group-name.ts";
import { noteMootName } from "./kept-names.ts";
import { nextNote, publishNote } from "./leave-moot.ts";
import { mootNameOf } from "./moot-name.ts";
import type { NodeContext } from "./node-context.ts";
import { withAbout } from "./notes/about-moot.ts";
import type { moot_update } from "./operations/membership.ts";
import type { AnswerOf, RequestOf } from "./operations/operation.ts";

/** Changes what the founder says of its moot, and tells all members; durable on return. */
export function updateMoot(node: NodeContext, request: RequestOf<typeof moot_update>): AnswerOf<typeof moot_update> {
  const group = node.requireGroup(request.group_id);
  requireFounder(group);
  const { store } = group;
  const before = { name: groupName(store), description: mootDescription(store), tags: mootTags(store) };
  const about = {
    name: request.name === undefined ? trimSpace(before.name) : mootNameOf("moot update: name", request.name),
    description: trimSpace(request.description ?? before.description),
    tags: [...new Set((request.tags ?? before.tags).map(trimSpace))],
  };
  if (about.name === "") throw new EntmootError("invalid_argument", "moot update: name: expected a name, found none");
  const answer = { group_id: group.id, ...about };
  const isTold = store.notes.get({ kind: "about", author: node.local }) !== undefined;
  if (isTold && JSON.stringify(before) === JSON.stringify(about)) return { ...answer, changed: false };
  requireMaySign(node, group, { alone: false });
  const note = nextNote(node, group, { kind: "about", body: encodeAbout(about) });
  publishNote(node, group, note);
  if (node.carrier === undefined) store.setFact(METADATA_FACT, withAbout(mootMetadata(store), about));
  noteMootName(node.root.node, store);
  return { ...answer, changed: true };
}
