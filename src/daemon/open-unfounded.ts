import { identityOf } from "../core/identity.ts";
import { BUILD_INFO } from "../host/build-info.ts";
import { createLog } from "../host/log.ts";
import { realClock } from "../host/real-clock.ts";
import { EntmootNode } from "../node/entmoot-node.ts";
import type { Operations } from "../node/operations/operation.ts";
import { MemoryDataRoot } from "../store/memory/memory-data-root.ts";
import { isThere } from "../store/private-files.ts";
import { openOperations } from "./open-operations.ts";
import type { GlobalOptions } from "./options.ts";

/** As `openOperations` for looking; where there is no identity a node that nobody is, so that nothing is made by a look. */
export async function openUnfounded(options: GlobalOptions): Promise<Operations> {
  if (options.agentSocket !== undefined || isThere(options.identityPath)) {
    return openOperations(options, { create: false, change: false });
  }
  return EntmootNode.open({
    root: new MemoryDataRoot(),
    identity: identityOf(crypto.getRandomValues(new Uint8Array(32))),
    identityPath: options.identityPath,
    dataDir: options.dataDir,
    transport: undefined,
    transportReason: "no daemon runs",
    transportPort: 0,
    listenPort: options.listenPort,
    hostname: "",
    build: BUILD_INFO,
    log: createLog(options.logLevel),
    clock: realClock,
  });
}
