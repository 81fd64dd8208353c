import { join } from "node:path";
import { ControlServer } from "../../src/control/control-server.ts";
import { dial } from "../../src/control/dial.ts";
import type { FrameConnection } from "../../src/control/frame-connection.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import type { DaemonOperations } from "../../src/node/daemon-operations.ts";
import type { EntmootNode } from "../../src/node/entmoot-node.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { startNode } from "./nodes.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** A real node behind a real control socket, in a data root of its own. */
export interface ControlledNode extends AsyncDisposable {
  readonly node: EntmootNode;
  readonly server: ControlServer;
  readonly dataDir: string;
  readonly path: string;
  /** A raw connection, for what no honest client sends. */
  connect(): Promise<FrameConnection>;
}

export async function controlledNode(
  options: { readonly network?: MemoryNetwork; readonly n?: number; readonly firstFrameMs?: number } = {},
): Promise<ControlledNode> {
  const directory = new TemporaryDirectory();
  const path = join(directory.path, "control.sock");
  const node = await startNode(options.network ?? new MemoryNetwork(realClock), options.n ?? 1);
  const { firstFrameMs } = options;
  const server = controlServer(path, node, firstFrameMs);
  return {
    node,
    server,
    dataDir: directory.path,
    path,
    async connect() {
      const connection = await dial(path);
      if (connection === undefined) throw new Error("nobody listens");
      return connection;
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await node.close();
      directory[Symbol.dispose]();
    },
  };
}

/** A control server for `node` at `path`. */
export function controlServer(path: string, node: DaemonOperations, firstFrameMs?: number): ControlServer {
  const log = { ...createLog("error"), error: () => {} } as never;
  return ControlServer.start({ path, node, log, ...(firstFrameMs === undefined ? {} : { firstFrameMs }) });
}
