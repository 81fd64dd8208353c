import { later } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { RosterEntryId } from "../core/ids.ts";
import { NOTE_VERSION_MAX, type NoteKind, type SignedNote, signNote } from "../core/record/note.ts";
import { encodeLeave } from "../core/record/note-bodies.ts";
import { pause } from "../transport/wait.ts";
import type { Group } from "./group/group.ts";
import type { NodeContext } from "./node-context.ts";
import type { MootLeft, moot_leave } from "./operations/membership.ts";
import { WAIT_MAX_MS } from "./operations/messages.ts";
import type { RequestOf } from "./operations/operation.ts";

/** Ours. How long a member has to say that it holds the record; between two questions, doubling from the first to the last. */
const TOLD_WAIT_MS = 5_000;
const ASK_FIRST_MS = 250;
const ASK_LAST_MS = 4_000;

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
  for (let pauseMs = ASK_FIRST_MS; ; pauseMs = Math.min(ASK_LAST_MS, 2 * pauseMs)) {
    const told = await node.carrier?.notes.holders(group, note);
    const isRemoved = group.self === undefined;
    const isOver = node.carrier === undefined || node.clock.steady() >= endsAt || signal?.aborted === true;
    if (isOver || isRemoved || (told ?? 0) > 0) {
      return { group_id, left_ms: Number(note.version), told: told ?? 0, removed: isRemoved };
    }
    await pause(node.clock, Math.min(pauseMs, Math.max(1, endsAt - node.clock.steady())), signal);
  }
}

/** Whether the founder has removed this node, or a member holds the record that it has left. */
export async function isKnownToHaveLeft(node: NodeContext, group: Group): Promise<boolean> {
  if (group.self === undefined) return true;
  const note = ownLeave(node, group);
  return note !== undefined && ((await node.carrier?.notes.holders(group, note)) ?? 0) > 0;
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
