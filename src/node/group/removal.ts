import { instantText } from "../../core/amounts.ts";
import { PublicKey, RosterEntryId } from "../../core/ids.ts";
import type { GroupRoster } from "./group-roster.ts";

/** What ended a membership. */
export interface Removal {
  /** The entry that did, or of a lost history the entry that the founder kept in its place. */
  readonly entry_id: RosterEntryId;
  /** Unix milliseconds, the founder's clock. */
  readonly at_ms: bigint;
  /** The membership was part of a history that the founder gave up. */
  readonly lost: boolean;
}

/** `undefined` for a member, and for a key that never was one. */
export function removalOf(roster: GroupRoster, key: PublicKey): Removal | undefined {
  const entry = roster.log.removalOf(PublicKey.toBytes(key));
  if (entry !== undefined) return { entry_id: entry.id, at_ms: entry.timestamp, lost: false };
  if (roster.members.has(key) || !roster.knowsAuthor(key)) return undefined;
  const heal = roster.heals.at(-1);
  return heal && { entry_id: heal.kept, at_ms: heal.timestamp, lost: true };
}

/** For people: when, and by which entry. */
export function removalText({ at_ms, entry_id, lost }: Removal): string {
  const when = at_ms >= 0n && at_ms < 8_640_000_000_000_000n ? instantText(Number(at_ms)) : `${at_ms} ms`;
  const entry = RosterEntryId.toBase64(entry_id);
  if (lost)
    return `the founder gave up the history of the roster that added it, at ${when}, and kept the one with entry ${entry}`;
  return `the founder removed it at ${when} with roster entry ${entry}`;
}
