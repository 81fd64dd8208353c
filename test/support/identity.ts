import type { Identity } from "../../src/core/identity.ts";
import { identityOf } from "../../src/core/identity.ts";
import { entmootNodeId } from "../../src/core/node-id.ts";
import type { NodeInfo } from "../../src/core/record/records.ts";

/** A node of the tests: a key pair with its place in a roster. */
export interface TestIdentity extends Identity {
  readonly nodeId: number;
  /** As records name it. */
  readonly info: NodeInfo;
}

/** The same key pair every time; `identity(1)` has the seed 32 × 01. Node ids are those of the keys. */
export function identity(n: number): TestIdentity {
  const seed = new Uint8Array(32).fill(n & 0xff);
  if (n > 0xff) new DataView(seed.buffer).setUint32(0, n);
  const pair = identityOf(seed);
  const nodeId = entmootNodeId(pair.publicKey);
  return { ...pair, nodeId, info: { pilot_node_id: nodeId, entmoot_pubkey: pair.publicKey } };
}
