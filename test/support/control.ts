import { join } from "node:path";
import { ControlConnection } from "../../src/control/control-connection.ts";
import { ControlServer } from "../../src/control/control-server.ts";
import { dial } from "../../src/control/dial.ts";
import type { Clock } from "../../src/core/clock.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
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
  /** The owner's socket. */
  readonly path: string;
  /** A raw connection, for what no honest client sends. */
  connect(): Promise<ControlConnection>;
}

export interface ControlledOptions {
  readonly network?: MemoryNetwork;
  readonly n?: number;
  readonly clock?: Clock;
  readonly caller?: Caller;
}

export async function controlledNode(options: ControlledOptions = {}): Promise<ControlledNode> {
  const directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const node = await startNode(options.network ?? new MemoryNetwork(realClock), options.n ?? 1);
  const server = await controlServer(path, node, options);
  return {
    node,
    server,
    dataDir: directory.path,
    path,
    async connect() {
      const stream = await dial(path, realClock);
      if (stream === undefined) throw new Error("nobody listens");
      return new ControlConnection(stream, () => BODY_MAX);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await node.close();
      directory[Symbol.dispose]();
    },
  };
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
