import { sha256 } from "../core/bytes/sha256.ts";
import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { PublicKey } from "../core/ids.ts";

/** What a signature of a request covers. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as in the request target. */
  readonly target: string;
  /** Unix milliseconds. */
  readonly timestampMs: bigint;
  readonly nonce: string;
  readonly body: Uint8Array;
}

/** A member as it says it is. */
export interface ClaimedMember {
  readonly nodeId: number;
  readonly key: PublicKey;
}

/** Wire. The text a device signs, line by line and without a last line feed. */
export function deviceSigningInput({ body, method, nonce, target, timestampMs }: SignedRequest): string {
  return [
    "ENTMOOT-ESP-AUTH-V1",
    method.toUpperCase(),
    target,
    String(timestampMs),
    nonce,
    sha256(body).toBase64(),
  ].join("\n");
}

/** Wire. The text a member signs, line by line and without a last line feed. */
export function memberSigningInput(
  { nodeId, key }: ClaimedMember,
  { body, method, nonce, target, timestampMs }: SignedRequest,
): string {
  return [
    "ENTMOOT-ESP-MEMBER-AUTH-V1",
    method.toUpperCase(),
    target,
    String(nodeId),
    PublicKey.toBase64(key),
    String(timestampMs),
    nonce,
    sha256(body).toBase64(),
  ].join("\n");
}

export const signedBytes = (input: string): Uint8Array => encodeUtf8(input);
