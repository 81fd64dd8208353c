import { sha256Hex } from "../bytes/sha256.ts";
import type { GroupId, RosterEntryId } from "../ids.ts";
import { encodeCanonical, struct } from "../json/json-codec.ts";
import { groupId, i64, omittedBytes, rosterEntryId, text } from "../json/json-scalars.ts";
import { sign, verifySignature } from "../signature.ts";

// Ours, all of it: peers of the original know no such object.

/** Part of what is signed, so that no other object's signature is one of a heal; a change of shape is a new type. */
const ROSTER_HEAL_TYPE = "entmoot.roster_heal.v1";

/** The founder's word on which of two histories of its roster is the roster from a fork on. */
export interface RosterHeal {
  readonly type: string;
  readonly group_id: GroupId;
  /** The last entry that both histories have. */
  readonly fork: RosterEntryId;
  /** An entry behind the fork: the history it is in goes on. */
  readonly kept: RosterEntryId;
  /** The last entry that the founder knew of the other history. Every history from `fork` on without `kept` is lost. */
  readonly lost: RosterEntryId;
  /** Unix milliseconds, the founder's clock. */
  readonly timestamp: bigint;
  readonly signature: Uint8Array;
}

/** A heal that lacks one of the keys is none; without a signature it is one that nobody signed. */
export const rosterHeal = struct<RosterHeal>(
  "roster heal",
  {
    type: text,
    group_id: groupId,
    fork: rosterEntryId,
    kept: rosterEntryId,
    lost: rosterEntryId,
    timestamp: i64,
    signature: omittedBytes,
  },
  { required: ["type", "group_id", "fork", "kept", "lost", "timestamp"] },
);

/** Signs a heal as the founder of `seed`. */
export function signRosterHeal(
  fields: Omit<RosterHeal, "type" | "signature"> & { readonly seed: Uint8Array },
): RosterHeal {
  const { seed, ...rest } = fields;
  const unsigned = { ...rest, type: ROSTER_HEAL_TYPE };
  return { ...unsigned, signature: sign(seed, signingForm(unsigned)) };
}

/** What it is compared by: 64 hex digits over everything but the signature. */
export function rosterHealId(heal: Omit<RosterHeal, "signature">): string {
  return sha256Hex(signingForm(heal));
}

/** Whether `founder` signed it, and it can be meant so. */
export function isRosterHealOf(heal: RosterHeal, founder: Uint8Array | null): boolean {
  if (heal.type !== ROSTER_HEAL_TYPE || heal.kept === heal.lost || heal.kept === heal.fork) return false;
  return verifySignature(founder, signingForm(heal), heal.signature);
}

function signingForm(heal: Omit<RosterHeal, "signature">): Uint8Array<ArrayBuffer> {
  return encodeCanonical(rosterHeal, { ...heal, signature: new Uint8Array(0) });
}
