import type { EntmootError } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import type { DataLook, DataRoot } from "../data-root.ts";
import { byDirectory, hasMessages, joinedAlready } from "../group-directory.ts";
import { MemoryAgentStore } from "./memory-agent-store.ts";
import { MemoryDefaultMoot } from "./memory-default-moot.ts";
import { MemoryGroupStore } from "./memory-group-store.ts";
import { MemoryMailbox } from "./memory-mailbox.ts";
import { MemoryNodeStore } from "./memory-node-store.ts";

/** A data root in memory, for simulations and tests; nothing survives the process. */
export class MemoryDataRoot implements DataRoot {
  readonly node = new MemoryNodeStore();
  readonly defaultMoot = new MemoryDefaultMoot();
  readonly mailbox = new MemoryMailbox();
  readonly notices: readonly string[] = [];
  readonly #groups = new Map<GroupId, MemoryGroupStore>();

  #agents: MemoryAgentStore | undefined;

  agents(): MemoryAgentStore {
    this.#agents ??= new MemoryAgentStore();
    return this.#agents;
  }

  hasAgents(): boolean {
    return this.#agents !== undefined;
  }

  beginServing(): void {}

  groupIds(): GroupId[] {
    const joined = [...this.#groups.values()].filter(({ roster }) => roster.size > 0);
    return joined.map(({ groupId }) => groupId).sort(byDirectory);
  }

  readonly leftOut: ReadonlyMap<GroupId, EntmootError> = new Map();

  openGroup(groupId: GroupId): MemoryGroupStore | undefined {
    const store = this.#groups.get(groupId);
    return store && store.roster.size > 0 ? store : undefined;
  }

  createGroup(groupId: GroupId): MemoryGroupStore {
    const known = this.#groups.get(groupId);
    if (known && known.roster.size > 0) throw joinedAlready(groupId);
    if (known && known.messages.size > 0) throw hasMessages(groupId);
    const store = new MemoryGroupStore(groupId);
    this.#groups.set(groupId, store);
    return store;
  }

  discardGroup(groupId: GroupId): void {
    if ((this.#groups.get(groupId)?.messages.size ?? 0) > 0) throw hasMessages(groupId);
    this.#groups.delete(groupId);
  }

  forgetGroup(groupId: GroupId): undefined {
    this.#groups.delete(groupId);
  }

  look(): DataLook {
    return { faults: [], isGone: false };
  }

  onRefused(): void {}

  [Symbol.dispose](): void {
    this.node[Symbol.dispose]();
  }
}
