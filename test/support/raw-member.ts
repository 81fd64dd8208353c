import { type GroupId, PublicKey } from "../../src/core/ids.ts";
import { formatPolicy, type Policy } from "../../src/core/policy/policy.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { group_create, roster_change } from "../../src/node/operations/moots.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { identity } from "./identity.ts";
import { OPEN_GROUP, startNode } from "./nodes.ts";
import { RawPeer } from "./raw-peer.ts";

export const [FOUNDER, ALICE, STRANGER] = [identity(1), identity(2), identity(3)] as const;

/** A founder's node and, as a member of its group, Alice: a peer that says what it likes. */
export interface RawMember extends AsyncDisposable {
  readonly network: MemoryNetwork;
  readonly node: EntmootNode;
  readonly group_id: GroupId;
  readonly alice: RawPeer;
}

/** Disposing what it gives ends the node. */
export async function nodeWithRawMember(
  options: Parameters<typeof startNode>[2] & { readonly policy?: Policy } = {},
): Promise<RawMember> {
  const network = new MemoryNetwork(realClock);
  const node = await startNode(network, 1, options);
  const { group_id } = await node.call(group_create, {
    ...OPEN_GROUP,
    policy: options.policy && formatPolicy(options.policy),
  });
  const key = PublicKey.fromBytes(ALICE.publicKey);
  await node.call(roster_change, { group_id, op: "add", node_id: undefined, entmoot_pubkey: key });
  const alice = new RawPeer(network, ALICE, FOUNDER);
  return { network, node, group_id, alice, [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() };
}
