import vectors from "../vectors/ed25519.json";

/** A recorded signature and whether it holds, all as the original found it. */
export interface SignatureVector {
  readonly name: string;
  readonly key: Uint8Array;
  readonly bytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly valid: boolean;
}

interface Recorded {
  readonly name: string;
  readonly kind: string;
  readonly public_key: string;
  readonly message: string;
  readonly signature: string;
  readonly valid?: boolean;
}

export const SIGNATURE_VECTORS: readonly SignatureVector[] = (vectors.cases as readonly Recorded[])
  .filter(({ kind }) => kind === "verify")
  .map(({ message, name, public_key, signature, valid }) => ({
    name,
    key: Uint8Array.fromHex(public_key),
    bytes: Uint8Array.fromHex(message),
    signature: Uint8Array.fromHex(signature),
    valid: valid!,
  }));
