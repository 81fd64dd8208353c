import type { Clock } from "../../src/core/clock.ts";
import { identityOf } from "../../src/core/identity.ts";
import { PublicKey } from "../../src/core/ids.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { SeededRandom } from "../../src/machine/random.ts";
import { EntmootNode, type NodeParts } from "../../src/node/entmoot-node.ts";
import { status } from "../../src/node/operations/daemon.ts";
import type { group_create } from "../../src/node/operations/moots.ts";
import type { RequestOf } from "../../src/node/operations/operation.ts";
import type { DataRoot } from "../../src/store/data-root.ts";
import { MemoryDataRoot } from "../../src/store/memory/memory-data-root.ts";
import type { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";

/** A real node in this process on a memory network: only the disk and the wires are not real. */
export async function startNode(
  network: MemoryNetwork | undefined,
  n: number,
  options: {
    readonly root?: DataRoot;
    readonly hostname?: string;
    readonly clock?: Clock;
    readonly operations?: NodeParts["operations"];
    readonly parts?: Pick<NodeParts, "config" | "onStop" | "restart"> &
      Partial<Pick<NodeParts, "build" | "exportBeforeForget" | "log">>;
  } = {},
): Promise<EntmootNode> {
  const identity = identityOf(new Uint8Array(32).fill(n));
  return EntmootNode.open({
    root: options.root ?? new MemoryDataRoot(),
    identity,
    identityPath: "(memory)",
    dataDir: "(memory)",
    transport: network?.join(PublicKey.fromBytes(identity.publicKey)),
    transportReason: "test",
    transportPort: 0,
    listenPort: 1004,
    hostname: options.hostname ?? "",
    build: { version: "test", commit: "none", date: "none" },
    log: createLog("error"),
    random: new SeededRandom(n),
    clock: options.clock ?? realClock,
    ...(options.operations === undefined ? {} : { operations: options.operations }),
    ...options.parts,
  });
}

/** The key a node is. */
export async function keyOf(node: EntmootNode): Promise<PublicKey> {
  return PublicKey.fromBytes((await node.call(status, {})).entmoot_pubkey);
}

/** A group without limits, as tests that publish much need it. */
export const OPEN_GROUP: RequestOf<typeof group_create> = {
  name: "test",
  description: "",
  tags: [],
  visibility: "private",
  join_mode: "invite_only",
  policy_source: "none",
  policy: undefined,
};

/** Resolves once `holds`; looks again whenever the event loop has gone round. Rejects after `atMostMs`. */
export async function until(holds: () => boolean | Promise<boolean>, atMostMs = 60_000): Promise<void> {
  const deadline = Date.now() + atMostMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not so within ${atMostMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
