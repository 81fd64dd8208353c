import { join } from "node:path";
import { ControlConnection } from "../../src/control/control-connection.ts";
import { ControlServer } from "../../src/control/control-server.ts";
import { dial } from "../../src/control/dial.ts";
import type { Clock } from "../../src/core/clock.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode, NodeParts } from "../../src/node/entmoot-node.ts";
import type { Caller } from "../../src/node/operations/implementation.ts";
import { BODY_MAX } from "../../src/node/operations/operation.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { startNode } from "./nodes.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** A real node behind its real sockets, in a data root of its own. */
export interface ControlledNode extends AsyncDisposable {
  readonly node: EntmootNode;
  readonly server: ControlServer;
  readonly dataDir: string;
  /** The one socket, whoever it is for. */
  readonly path: string;
  /** A raw connection, for what no honest client sends. */
  connect(): Promise<ControlConnection>;
}

export interface ControlledOptions {
  readonly network?: MemoryNetwork;
  readonly n?: number;
  /** Of the socket; the node's own is the machine's. */
  readonly clock?: Clock;
  readonly caller?: Caller;
  readonly parts?: Pick<NodeParts, "onStop" | "operations" | "restart">;
}

export async function controlledNode(options: ControlledOptions = {}): Promise<ControlledNode> {
  const directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const { network = new MemoryNetwork(realClock), n = 1, parts = {} } = options;
  const { operations, ...others } = parts;
  const node = await startNode(network, n, { operations, parts: others });
  const server = await controlServer(path, node, options);
  return {
    node,
    server,
    dataDir: directory.path,
    path,
    connect: () => connectRaw(path),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await node.close();
      directory[Symbol.dispose]();
    },
  };
}

/** A connection to `path` over which anything can be said, and whose reader takes every operation frame. */
export async function connectRaw(path: string): Promise<ControlConnection> {
  const stream = await dial(path, realClock);
  if (stream === undefined) throw new Error("nobody listens");
  return new ControlConnection(stream, () => BODY_MAX);
}

/** A control server for `node` at `path`; whatever it logs is dropped. */
export function controlServer(
  path: string,
  node: EntmootNode,
  { caller = "owner", clock = realClock }: Pick<ControlledOptions, "caller" | "clock"> = {},
): Promise<ControlServer> {
  const log = { ...createLog("error"), error: () => {} } as never;
  return ControlServer.start({ path, node, caller, clock, log });
}
