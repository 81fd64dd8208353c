import { EntmootError } from "./errors.ts";

declare const kind: unique symbol;

/**
 * 32 bytes held as 64 lowercase hex digits. As text, `===` compares two ids, `<` sorts
 * them as their bytes sort, and a `Map` can key on them; a `Uint8Array` does none of these.
 */
type Id<Kind extends string> = string & { readonly [kind]: Kind };

const HEX_32 = /^[0-9a-f]{64}$/;

function id32<Kind extends string>(label: Kind) {
  return {
    /** Throws `invalid_argument` unless `bytes` is 32 long. */
    fromBytes(bytes: Uint8Array): Id<Kind> {
      if (bytes.length !== 32) {
        throw new EntmootError("invalid_argument", `${label}: expected 32 bytes, got ${bytes.length}`);
      }
      return bytes.toHex() as Id<Kind>;
    },
    /** Throws `invalid_argument` unless `hex` is 64 lowercase hex digits. */
    fromHex(hex: string): Id<Kind> {
      if (!HEX_32.test(hex)) {
        throw new EntmootError("invalid_argument", `${label}: expected 64 lowercase hex digits`);
      }
      return hex as Id<Kind>;
    },
    toBytes: (id: Id<Kind>): Uint8Array<ArrayBuffer> => Uint8Array.fromHex(id),
    /** Standard base64 with padding, 44 characters: the form on the wire and in JSON output. */
    toBase64: (id: Id<Kind>): string => Uint8Array.fromHex(id).toBase64(),
    /** The unset id. */
    zero: "0".repeat(64) as Id<Kind>,
  };
}

export const GroupId = id32("group id");
export type GroupId = Id<"group id">;

export const MessageId = id32("message id");
export type MessageId = Id<"message id">;

export const RosterEntryId = id32("roster entry id");
export type RosterEntryId = Id<"roster entry id">;

/** Hash over what a node knows of the forks of a roster and their ends; zero when it knows of none. */
export const ForksDigest = id32("forks digest");
export type ForksDigest = Id<"forks digest">;

export const MerkleRoot = id32("merkle root");
export type MerkleRoot = Id<"merkle root">;

/** An Ed25519 public key. A node *is* its key; internal tables are keyed by it. */
export const PublicKey = id32("public key");
export type PublicKey = Id<"public key">;
