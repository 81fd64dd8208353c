import { later } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId, PublicKey, RosterEntryId } from "../core/ids.ts";
import { NOTE_VERSION_MAX, type NoteKind, type SignedNote, signNote } from "../core/record/note.ts";
import { encodeLeave } from "../core/record/note-bodies.ts";
import { createRosterEntry } from "../core/roster/roster-change.ts";
import { pause } from "../transport/wait.ts";
import { requireMaySign } from "./change-roster.ts";
import type { Group } from "./group/group.ts";
import { leavesOf } from "./group/leaves.ts";
import type { NodeContext } from "./node-context.ts";
import type { MootLeft, moot_leave } from "./operations/membership.ts";
import { WAIT_MAX_MS } from "./operations/messages.ts";
import type { RequestOf } from "./operations/operation.ts";

/** Ours. How long a member has to say that it holds the record, and between two questions. */
const TOLD_WAIT_MS = 5_000;
const ASK_EVERY_MS = 250;

/** Signs that this node has left a moot, and waits a moment until somebody else holds that. */
export async function leaveMoot(
  node: NodeContext,
  { group_id, wait_ms = TOLD_WAIT_MS }: RequestOf<typeof moot_leave>,
  signal?: AbortSignal,
): Promise<MootLeft> {
  const group = node.requireGroup(group_id);
  if (group.isFounder) {
    throw new EntmootError(
      "conflict",
      "the founder cannot leave its moot: nobody else could add or remove anybody; end its links and remove the others, or forget it here",
    );
  }
  const known = ownLeave(node, group);
  const note = known ?? sign(node, group);
  if (known === undefined) publishNote(node, group, note);
  const endsAt = later(node.clock.steady(), Math.min(wait_ms, WAIT_MAX_MS));
  for (;;) {
    const told = await node.carrier?.notes.holders(group, note);
    const isRemoved = group.self === undefined;
    const isOver = node.carrier === undefined || node.clock.steady() >= endsAt || signal?.aborted === true;
    if (isOver || isRemoved || (told ?? 0) > 0) {
      return { group_id, left_ms: Number(note.version), told: told ?? 0, removed: isRemoved };
    }
    await pause(node.clock, ASK_EVERY_MS, signal);
  }
}

/** Whether the founder has removed this node, or a member holds the record that it has left. */
export async function isKnownToHaveLeft(node: NodeContext, group: Group): Promise<boolean> {
  if (group.self === undefined) return true;
  const note = ownLeave(node, group);
  return note !== undefined && ((await node.carrier?.notes.holders(group, note)) ?? 0) > 0;
}

/** Takes who says that it has left off the roster, where this node is the founder and may sign just now. */
export function removeLeavers(context: NodeContext, group: Group): void {
  const { carrier, clock, identity, log } = context;
  if (!group.isFounder || carrier === undefined) return;
  try {
    if (carrier.notes.of(group).leaving().next().done) return;
    for (const member of leavesOf(group).keys()) {
      requireMaySign(context, group, { alone: false });
      const nodeId = group.roster.members.get(member)?.pilot_node_id;
      if (nodeId === undefined) continue;
      const change = { op: "remove", nodeId, key: PublicKey.toBytes(member) } as const;
      group.appendRoster(
        createRosterEntry({ log: group.roster.log, seed: identity.seed, nowMs: clock.unix(), change }),
      );
    }
  } catch (error) {
    // A full disk, a fork, a copy that may be old: it is tried again with each comparison.
    if (!(error instanceof EntmootError)) throw error;
    log.debug(`group ${GroupId.toBase64(group.id)}: who left is not removed yet: ${error.message}`);
  }
}

/** Keeps a note of this node, and tells it where somebody is to be told. */
export function publishNote({ carrier }: Pick<NodeContext, "carrier">, group: Group, note: SignedNote): void {
  if (carrier !== undefined) {
    carrier.notes.publish(group, note);
    return;
  }
  group.store.notes.change({ put: [note] });
  if (note.kind === "leave") group.noteLeave(note);
}

/** The next note of this node and a kind. Throws `conflict` where there is no later one. */
export function nextNote(
  { clock, identity, local }: Pick<NodeContext, "clock" | "identity" | "local">,
  group: Group,
  { body, kind }: { readonly kind: NoteKind; readonly body: Uint8Array },
): SignedNote {
  const last = group.store.notes.get({ kind, author: local })?.version ?? 0n;
  const now = BigInt(Math.floor(clock.unix()));
  const version = last >= now ? last + 1n : now;
  if (version > NOTE_VERSION_MAX)
    throw new EntmootError("conflict", `${kind}: there is no later version than its last`);
  return signNote({ seed: identity.seed, kind, groupId: group.id, version, body });
}

function ownLeave({ local }: NodeContext, group: Group): SignedNote | undefined {
  return group.leftMs === undefined ? undefined : group.store.notes.get({ kind: "leave", author: local });
}

function sign(node: NodeContext, group: Group): SignedNote {
  group.requireSelf();
  const admission = group.roster.log.admissionOf(node.identity.publicKey);
  return nextNote(node, group, { kind: "leave", body: encodeLeave(admission?.id ?? RosterEntryId.zero) });
}
