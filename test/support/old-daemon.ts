import { join } from "node:path";
import { ControlServer } from "../../src/control/control-server.ts";
import { EntmootError } from "../../src/core/errors.ts";
import { createLog } from "../../src/host/log.ts";
import { realClock } from "../../src/host/real-clock.ts";
import { group_create } from "../../src/node/operations/moots.ts";
import { MemoryNetwork } from "../../src/transport/memory/memory-transport.ts";
import { OPEN_GROUP, startNode } from "./nodes.ts";

/** A daemon in this process on the control socket of `dataDir`, of a version from before some operations, with a moot. */
export async function oldDaemon(
  dataDir: string,
  version: string,
  unknown: readonly string[],
): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const build = { version, commit: "none", date: "none" };
  const node = parts.use(await startNode(new MemoryNetwork(realClock), 5, { parts: { build } }));
  await node.call(group_create, OPEN_GROUP);
  const isKnown = (name: string) => !unknown.includes(name);
  const host: Parameters<typeof ControlServer.start>[0]["node"] = {
    find: (name) => (isKnown(name) ? node.find(name) : undefined),
    run: (operation, request, call) => node.run(operation, request, call),
    call(operation, request, options) {
      if (isKnown(operation.name)) return node.call(operation, request, options);
      throw new EntmootError("unknown_frame", `${operation.name}: not known to this version`);
    },
    [Symbol.asyncDispose]: () => node.close(),
  };
  const log = createLog("error");
  parts.use(
    await ControlServer.start({
      path: join(dataDir, "control.sock"),
      node: host,
      caller: "owner",
      clock: realClock,
      log,
    }),
  );
  return parts.move();
}
