import { PublicKey, RosterEntryId } from "../../core/ids.ts";
import type { SignedNote } from "../../core/record/note.ts";
import { decodeLeave } from "../../core/record/note-bodies.ts";
import type { GroupStore } from "../../store/group-store.ts";
import type { GroupRoster } from "./group-roster.ts";

/** A moot as far as this looks at it. */
interface LeftMoot {
  readonly roster: GroupRoster;
  readonly store: Pick<GroupStore, "notes">;
}

/**
 * Whether a note says that its author has left the membership it has now: one from before it was admitted again says nothing,
 * and a founder cannot leave. Throws `malformed_frame` for what is no such note.
 */
export function isLeaveOf({ author, body }: Pick<SignedNote, "author" | "body">, roster: GroupRoster): boolean {
  const ended = decodeLeave(body);
  return author !== roster.founder && roster.log.admissionOf(PublicKey.toBytes(author))?.id === ended;
}

/** Who of the current members says that it has left, and since when by its own clock, Unix milliseconds. */
export function leavesOf({ roster, store }: LeftMoot): ReadonlyMap<PublicKey, number> {
  const leaves = new Map<PublicKey, number>();
  for (const note of store.notes.ofKind("leave")) {
    if (isLeaveOf(note, roster)) leaves.set(note.author, leftMs(note));
  }
  return leaves;
}

/** When its author says that it left, Unix milliseconds. */
export function leftMs({ version }: Pick<SignedNote, "version">): number {
  return Number(version);
}

/** With the entry that ended the membership, when its member says that it had left: the record itself is let go of then. */
const LEFT_FACT = "left/";

/** Keeps, of a record whose author was taken off the roster since, that it had left. One of an earlier membership says nothing. */
export function keepLeft(
  { roster, store }: { readonly roster: GroupRoster; readonly store: Pick<GroupStore, "setFact"> },
  { author, body, version }: Pick<SignedNote, "author" | "body" | "version">,
): void {
  const ended = roster.log.endedMembershipOf(PublicKey.toBytes(author));
  if (ended === undefined || decodeLeave(body) !== ended.admitted.id) return;
  store.setFact(LEFT_FACT + RosterEntryId.toBase64(ended.removed.id), version.toString());
}

/** When the member that an entry removed had left before, by its own clock; 0 where it had not, or that is not known here. */
export function leftBefore(
  { store }: { readonly store: Pick<GroupStore, "getFact"> },
  removedBy: RosterEntryId,
): number {
  const ms = Number(store.getFact(LEFT_FACT + RosterEntryId.toBase64(removedBy)) ?? 0);
  return Number.isSafeInteger(ms) && ms > 0 ? ms : 0;
}
