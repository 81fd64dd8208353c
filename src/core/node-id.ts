import { sha256 } from "./bytes/sha256.ts";
import { encodeUtf8 } from "./bytes/utf8.ts";

/** Ours. Sets node ids apart from every other hash of a key. */
const DOMAIN = encodeUtf8("entmoot.node_id.v1\0");

/**
 * The 32-bit node id of a key that has none from Pilot, unsigned. The top bit is set, so it never
 * meets the ids Pilot counts up from 1. Two keys share one by chance once in 2^31; a group refuses
 * the second.
 */
export function entmootNodeId(publicKey: Uint8Array): number {
  const digest = sha256(Buffer.concat([DOMAIN, publicKey]));
  const prefix = new DataView(digest.buffer, digest.byteOffset).getUint32(0, false);
  return (0x8000_0000 | (prefix >>> 1)) >>> 0;
}
