import { instantText } from "../../core/amounts.ts";
import { PublicKey, RosterEntryId } from "../../core/ids.ts";
import type { GroupStore } from "../../store/group-store.ts";
import type { GroupRoster } from "./group-roster.ts";
import { leftBefore } from "./leaves.ts";

/** What ended a membership. */
export interface Removal {
  /** The entry that did, or of a lost history the entry that the founder kept in its place. */
  readonly entry_id: RosterEntryId;
  /** Unix milliseconds, the founder's clock. */
  readonly at_ms: bigint;
  /** When this node itself had left, by its own clock, Unix milliseconds; 0 where it had not. */
  readonly left_ms: number;
  /** The membership was part of a history that the founder gave up. */
  readonly lost: boolean;
}

/** `undefined` for a member, and for a key that never was one. */
export function removalOf(
  { roster, store }: { readonly roster: GroupRoster; readonly store: Pick<GroupStore, "getFact"> },
  key: PublicKey,
): Removal | undefined {
  const entry = roster.log.removalOf(PublicKey.toBytes(key));
  if (entry !== undefined) {
    return { entry_id: entry.id, at_ms: entry.timestamp, left_ms: leftBefore({ store }, entry.id), lost: false };
  }
  if (roster.members.has(key) || !roster.knowsAuthor(key)) return undefined;
  const heal = roster.heals.at(-1);
  return heal && { entry_id: heal.kept, at_ms: heal.timestamp, left_ms: 0, lost: true };
}

/** For people: when, and by which entry. */
export function removalText({ at_ms, entry_id, left_ms, lost }: Removal): string {
  const when = at_ms >= 0n && at_ms < 8_640_000_000_000_000n ? instantText(Number(at_ms)) : `${at_ms} ms`;
  const entry = RosterEntryId.toBase64(entry_id);
  if (lost)
    return `the founder gave up the history of the roster that added it, at ${when}, and kept the one with entry ${entry}`;
  if (left_ms > 0)
    return `it left at ${instantText(left_ms)}, and the founder took it off at ${when} with roster entry ${entry}`;
  return `the founder removed it at ${when} with roster entry ${entry}`;
}
