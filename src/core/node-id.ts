import { sha256 } from "./bytes/sha256.ts";
import { encodeUtf8 } from "./bytes/utf8.ts";

/** Ours. Sets node ids apart from every other hash of a key. */
const DOMAIN = encodeUtf8("entmoot.node_id.v1\0");

/** Ours. Ids a key has besides the first; whoever wants to shut it out has to find a key for each. */
const SPARE_IDS = 7;

/**
 * The 32-bit node id of a key that has none from Pilot, unsigned. The top bit is set, so it never
 * meets the ids Pilot counts up from 1. It is short: a key that shares it is found in a day or two of computing, so what a
 * group calls a key is what its roster says, and this only what it would first be called. With `spare`, 1 to 7, it is the next
 * one that the same key may have.
 */
export function entmootNodeId(publicKey: Uint8Array, spare = 0): number {
  const digest = sha256(Buffer.concat([DOMAIN, publicKey, Uint8Array.from(spare === 0 ? [] : [spare])]));
  const prefix = new DataView(digest.buffer, digest.byteOffset).getUint32(0, false);
  return (0x8000_0000 | (prefix >>> 1)) >>> 0;
}

/** The first of a key's ids that is not taken; `undefined` when all of them are. */
export function freeNodeId(publicKey: Uint8Array, isTaken: (nodeId: number) => boolean): number | undefined {
  for (let spare = 0; spare <= SPARE_IDS; spare++) {
    const nodeId = entmootNodeId(publicKey, spare);
    if (!isTaken(nodeId)) return nodeId;
  }
  return undefined;
}
