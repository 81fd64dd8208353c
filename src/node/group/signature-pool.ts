import { verify } from "node:crypto";
import { PUBLIC_KEY_BYTES, publicKeyObject, SIGNATURE_BYTES } from "../../core/signature.ts";

export interface SignedBytes {
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
}

/**
 * Whether the signature holds, by the rule of `verifySignature`, found out on another core while this thread goes on.
 * Handing it over costs 8 µs beside the 55 of the check, so one that is all there is to do is better checked here.
 */
export function verifyElsewhere({ bytes, key, signature }: SignedBytes): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  if (key.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) resolve(false);
  else {
    try {
      verify(null, bytes, publicKeyObject(key), signature, (error, holds) => resolve(error === null && holds));
    } catch {
      // A key that is no point of the curve.
      resolve(false);
    }
  }
  return promise;
}
