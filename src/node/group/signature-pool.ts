import { BoundedMap } from "../../core/bounded-map.ts";
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES, verifySignature } from "../../core/signature.ts";

export interface SignedBytes {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Ours. Imported keys kept; one costs about 1 KiB. */
const KEYS_MAX = 4096;

/** Below this a thread's hand-over costs more than the check. */
const PARALLEL_MIN = 2;

const keys = new BoundedMap<string, Promise<CryptoKey | undefined>>(KEYS_MAX);

/**
 * Whether each signature holds, by the rule of `verifySignature`; a batch uses every core.
 * WebCrypto and node:crypto answer alike on every vector.
 */
export function verifyAll(items: readonly SignedBytes[]): Promise<boolean[]> {
  if (items.length < PARALLEL_MIN) {
    return Promise.resolve(items.map((item) => verifySignature(item.key, item.bytes, item.signature)));
  }
  return Promise.all(items.map(verifyOne));
}

async function verifyOne({ key, bytes, signature }: SignedBytes): Promise<boolean> {
  if (key.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  const imported = await importedKey(key);
  if (imported === undefined) return false;
  return crypto.subtle.verify("Ed25519", imported, signature, bytes);
}

function importedKey(key: Uint8Array): Promise<CryptoKey | undefined> {
  const name = key.toHex();
  let imported = keys.get(name);
  if (imported === undefined) {
    imported = crypto.subtle.importKey("raw", key.slice(), "Ed25519", false, ["verify"]).catch(() => undefined);
    keys.set(name, imported);
  }
  return imported;
}
