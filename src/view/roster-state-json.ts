import { instantText } from "../core/amounts.ts";
import { GroupId, RosterEntryId } from "../core/ids.ts";
import { encodeCanonical } from "../core/json/json-codec.ts";
import { rosterEntry } from "../core/record/record-codecs.ts";
import type { MootStatus, NodeStatus } from "../node/operations/daemon.ts";

/** What `info` says of a membership that ended, or was left, of a fork, and of a founder's doubt; nothing where there is none. */
export function rosterStateJson({ doubt, fork, left_ms, removal }: MootStatus) {
  return {
    ...(left_ms === 0 ? {} : { left: { at_ms: left_ms, at: whenText(BigInt(left_ms)) } }),
    ...(removal === undefined
      ? {}
      : {
          removed: {
            entry_id: RosterEntryId.toBase64(removal.entry_id),
            at_ms: Number(removal.at_ms),
            at: whenText(removal.at_ms),
            ...(removal.left_ms > 0 ? { left_ms: removal.left_ms } : {}),
            ...(removal.lost ? { lost_history: true } : {}),
          },
        }),
    ...(fork === undefined
      ? {}
      : {
          fork: {
            point: RosterEntryId.toBase64(fork.point),
            heads: fork.branches.map(({ entries, first, followed, head }) => ({
              head: RosterEntryId.toBase64(head),
              entries,
              followed,
              first: JSON.parse(new TextDecoder().decode(encodeCanonical(rosterEntry, first))) as unknown,
            })),
          },
        }),
    ...(doubt === undefined ? {} : { founder_waits: doubt }),
  };
}

/** The same for people, a line each. */
export function rosterStateLines(moot: MootStatus): string[] {
  const { doubt, fork } = moot;
  const heads = fork?.branches.map(({ entries, followed, head }) => {
    const here = followed ? ", followed here" : "";
    return `${RosterEntryId.toBase64(head)} (${entries} ${entries === 1 ? "entry" : "entries"}${here})`;
  });
  return [
    ...removedLines(moot),
    ...(heads === undefined
      ? []
      : [
          `the roster has forked: its founder has signed histories that end at ${heads.join(" and ")}; nothing more of any is followed until the founder keeps one with "roster heal"`,
        ]),
    ...(doubt === undefined ? [] : [`nothing is signed for the roster until ${waitedFor(moot)}: ${doubt}`]),
  ];
}

/** What ends a founder's doubt of its copy. */
function waitedFor({ members }: MootStatus): string {
  return members > 1 ? "a member is met" : 'its owner says that it is the latest, with "invite link -alone"';
}

/** Whether this node is out, when, and by which entry. */
export function removedLines({ group_id, local_member, removal }: MootStatus): string[] {
  if (local_member) return [];
  const moot = GroupId.toBase64(group_id);
  if (removal === undefined) return [`this node is no member of the moot ${moot}`];
  const entry = RosterEntryId.toBase64(removal.entry_id);
  if (removal.left_ms > 0) {
    return [
      `this node is no member of the moot ${moot} any more: it left at ${whenText(BigInt(removal.left_ms))}, and its founder took it off the roster at ${whenText(removal.at_ms)} with entry ${entry}`,
    ];
  }
  const how = removal.lost
    ? `its founder gave up the history that had added this node, at ${whenText(removal.at_ms)}, and kept entry ${entry}`
    : `its founder removed this node at ${whenText(removal.at_ms)} with roster entry ${entry}`;
  return [`this node is no member of the moot ${moot} any more: ${how}; only the founder can add it again`];
}

/** What its owner is told of a key that runs twice; nothing while it does not. */
export function twinText({ twin_seen_ms }: NodeStatus): string | undefined {
  if (twin_seen_ms === 0) return undefined;
  return `this node's key runs in another place too, last seen at ${whenText(BigInt(twin_seen_ms))}: a copy of this data root is in use; stop one of the two`;
}

function whenText(ms: bigint): string {
  return ms >= 0n && ms < 8_640_000_000_000_000n ? instantText(Number(ms)) : `${ms} ms`;
}
