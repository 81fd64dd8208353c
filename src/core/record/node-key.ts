import { PublicKey } from "../ids.ts";
import type { NodeInfo } from "./records.ts";

/** The key a record names; `undefined` when it names none, or bytes that are no key. */
export function keyOf({ entmoot_pubkey: key }: NodeInfo): PublicKey | undefined {
  return key?.length === 32 ? PublicKey.fromBytes(key) : undefined;
}

/** A member's key as it is shown: no bytes for none. */
export function shownKey(key: PublicKey | undefined): Uint8Array {
  return key === undefined ? new Uint8Array(0) : PublicKey.toBytes(key);
}

/** Whether a record names exactly these bytes as its key. */
export function namesKey({ entmoot_pubkey: named }: NodeInfo, key: Uint8Array): boolean {
  return named?.toHex() === key.toHex();
}
