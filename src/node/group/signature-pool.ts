import { availableParallelism } from "node:os";
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

/**
 * Ours. The part of a batch that this thread checks while the others are at theirs. Handing one over costs 14 µs beside
 * 55 for the check, so that on two cores, of which this thread's other work takes half of one, a quarter is best kept;
 * where there are more cores, this thread is what the others wait for.
 */
const HERE_SHARE = availableParallelism() <= 2 ? 0.25 : 0;

const keys = new BoundedMap<string, Promise<CryptoKey | undefined>>(KEYS_MAX);

/**
 * Whether each signature holds, by the rule of `verifySignature`; a batch uses every core.
 * WebCrypto and node:crypto answer alike on every vector.
 */
export async function verifyAll(items: readonly SignedBytes[]): Promise<boolean[]> {
  if (items.length < PARALLEL_MIN) {
    return items.map((item) => verifySignature(item.key, item.bytes, item.signature));
  }
  const imported = await importAll(items);
  const handedOver = items.length - Math.floor(items.length * HERE_SHARE);
  const elsewhere = items.slice(0, handedOver).map(({ bytes, key, signature }) => {
    const ready = imported.get(key.toHex());
    if (ready === undefined || signature.length !== SIGNATURE_BYTES) return false;
    return crypto.subtle.verify("Ed25519", ready, signature, bytes);
  });
  const here = items.slice(handedOver).map(({ bytes, key, signature }) => verifySignature(key, bytes, signature));
  return [...(await Promise.all(elsewhere)), ...here];
}

/** The keys of a batch by name, which are far fewer than its signatures; without those that are no keys. */
async function importAll(items: readonly SignedBytes[]): Promise<ReadonlyMap<string, CryptoKey>> {
  const importing = new BoundedMap<string, Promise<CryptoKey | undefined>>(KEYS_MAX);
  for (const { key } of items) {
    const name = key.toHex();
    if (key.length === PUBLIC_KEY_BYTES && !importing.has(name)) importing.set(name, importedKey(key));
  }
  const imported = new Map<string, CryptoKey>();
  for (const [name, promise] of importing) {
    const key = await promise;
    if (key !== undefined) imported.set(name, key);
  }
  return imported;
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
