import { existsSync } from "node:fs";
import { join } from "node:path";
import { ControlClient } from "../control/control-client.ts";
import { NO_DAEMON } from "../control/control-error.ts";
import { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import { realClock } from "../host/real-clock.ts";
import type { ServiceNode } from "../http/route.ts";
import type { EntmootNode } from "../node/entmoot-node.ts";
import type { Operations } from "../node/operations/operation.ts";
import { groupDirectoryName } from "../store/group-directory.ts";
import { FreshReader } from "./fresh-reader.ts";
import { NewsBeside } from "./news-beside.ts";
import type { GlobalOptions } from "./options.ts";

/** Ours. How long a daemon has to say that it is there. */
const ANSWER_MS = 500;

/** The node in this process, for the service inside a daemon. */
export function nodeOfDaemon(node: EntmootNode): ServiceNode {
  return {
    reads: node,
    writes: async () => node,
    isWritable: async () => true,
    holds: (groupId) => node.holds(groupId),
    groupIds: () => node.groupIds(),
    lastSeq: (groupId) => node.lastSeq(groupId),
    onNews(listener) {
      const ended = new AbortController();
      void followChanges(node, listener, ended.signal);
      return { [Symbol.dispose]: () => ended.abort() };
    },
  };
}

async function followChanges({ changed }: EntmootNode, listener: () => void, signal: AbortSignal): Promise<void> {
  for (let version = changed.version; !signal.aborted; listener()) {
    await changed.after(version, signal);
    version = changed.version;
  }
}

/** A data root that is read here and changed by its daemon, where one runs. */
export class NodeBeside implements ServiceNode, AsyncDisposable {
  readonly reads: FreshReader;
  readonly #options: GlobalOptions;
  #daemon: ControlClient | undefined;

  constructor(options: GlobalOptions) {
    this.#options = options;
    this.reads = new FreshReader(options);
  }

  async writes(): Promise<Operations> {
    this.#daemon ??= await ControlClient.connect(this.#options.dataDir, realClock);
    if (this.#daemon === undefined) throw new EntmootError("control_unavailable", NO_DAEMON);
    return this.#daemon;
  }

  async isWritable(): Promise<boolean> {
    try {
      await this.writes();
      return await this.#daemon!.answers(ANSWER_MS);
    } catch (error) {
      if (!(error instanceof EntmootError)) throw error;
      await this.#letGo();
      return false;
    }
  }

  groupIds(): readonly GroupId[] {
    return this.reads.groupIds();
  }

  lastSeq(groupId: GroupId): number | undefined {
    return this.reads.lastSeq(groupId);
  }

  onNews(listener: () => void): Disposable {
    return new NewsBeside(this.#options.dataDir, listener);
  }

  holds(groupId: GroupId): boolean {
    return existsSync(join(this.#options.dataDir, "groups", groupDirectoryName(groupId)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#letGo();
    await this.reads[Symbol.asyncDispose]();
  }

  async #letGo(): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = undefined;
    await daemon?.[Symbol.asyncDispose]();
  }
}
