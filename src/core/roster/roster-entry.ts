import { sha256Hex } from "../bytes/sha256.ts";
import { RosterEntryId } from "../ids.ts";
import { decodeJson, encodeCanonical } from "../json/json-codec.ts";
import { rosterEntry as codec } from "../record/record-codecs.ts";
import type { RosterEntry } from "../record/records.ts";
import { sign } from "../signature.ts";

/** Everything the founder decides; `id` and `signature` follow from it. */
type RosterEntryFields = Omit<RosterEntry, "id" | "signature">;

const UNSIGNED = { id: RosterEntryId.zero, signature: new Uint8Array(0) };

/** The entry in `input`, in any JSON text the network's readers take. Nothing is verified. Throws `malformed_frame`. */
export function decodeRosterEntry(input: Uint8Array | string): RosterEntry {
  return decodeJson(codec, input);
}

/** The bytes that are hashed and signed: `id` zero, no `signature`. Throws `malformed_frame` when `policy` is no JSON. */
export function rosterEntrySigningForm(entry: RosterEntryFields): Uint8Array<ArrayBuffer> {
  return encodeCanonical(codec, { ...entry, ...UNSIGNED });
}

/** The bytes that are stored, one line of a roster log without its line feed. */
export function rosterEntryCanonical(entry: RosterEntry): Uint8Array<ArrayBuffer> {
  return encodeCanonical(codec, entry);
}

/** The id that belongs to a signing form. */
export function rosterEntryIdOf(signingForm: Uint8Array): RosterEntryId {
  return RosterEntryId.fromHex(sha256Hex(signingForm));
}

/** The entry with its id and the signature of `seed`; whether a log takes it is the log's to say. */
export function signRosterEntry({ seed, ...fields }: RosterEntryFields & { readonly seed: Uint8Array }): RosterEntry {
  const signing = rosterEntrySigningForm(fields);
  return { ...fields, id: rosterEntryIdOf(signing), signature: sign(seed, signing) };
}
