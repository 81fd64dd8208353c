import { BUILD_INFO } from "../host/build-info.ts";
import { realClock } from "../host/real-clock.ts";
import { EntmootNode } from "../node/entmoot-node.ts";
import type { Operations } from "../node/operations/operation.ts";
import { archiveBeforeForget } from "./archive-before-forget.ts";
import { newIdentity } from "./new-identity.ts";
import { nodeName } from "./node-name.ts";
import { openRoot } from "./open-root.ts";
import type { GlobalOptions } from "./options.ts";

/**
 * The node itself in this process, without a carrier: it works on what is kept and reaches nobody. With `change`
 * it holds the lock of the data root until disposed. Throws `already_running`, `identity_invalid`, `data_root_invalid`.
 */
export async function openOfflineNode(
  options: GlobalOptions,
  how: { readonly create: boolean; readonly change: boolean },
): Promise<Operations> {
  const fresh = how.create ? await newIdentity(options.identityPath) : undefined;
  const { root, identity, log } = openRoot(options, { create: how.create, fresh, lock: how.change });
  try {
    return await EntmootNode.open({
      root,
      identity: identity.identity,
      identityPath: identity.path,
      dataDir: options.dataDir,
      exportBeforeForget: archiveBeforeForget(options.dataDir),
      transport: undefined,
      transportReason: "no daemon runs",
      transportPort: 0,
      listenPort: options.listenPort,
      hostname: nodeName(undefined, root.node),
      build: BUILD_INFO,
      log,
      clock: realClock,
    });
  } catch (error) {
    root[Symbol.dispose]();
    throw error;
  }
}
