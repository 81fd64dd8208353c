import type { EntmootError } from "../core/errors.ts";
import type { GroupId } from "../core/ids.ts";
import type { AgentStore } from "./agent-store.ts";
import type { DefaultMootStore } from "./default-moot-file.ts";
import type { GroupStore } from "./group-store.ts";
import type { MailboxStore } from "./mailbox-store.ts";
import type { NodeStore } from "./node-store.ts";

/** How taking over a root of the original goes on; long ones report as they go. */
export interface MigrationProgress {
  readonly groupId: GroupId;
  readonly done: number;
  readonly total: number;
}

/** What a look at a data root found. */
export interface DataLook {
  readonly faults: readonly EntmootError[];
  /** With a folder that is gone went all that is in it, moots too. */
  readonly isGone: boolean;
}

/**
 * All that is kept on disk, or in memory. One definition of "joined": a group whose roster log is not empty.
 * Looking for a group that is not there never creates anything.
 */
export interface DataRoot extends Disposable {
  readonly node: NodeStore;
  /** What this node's agent has done and what waits for it, opened when it is first asked for. A root that is only read and has none gives an empty one. */
  agents(): AgentStore;
  /** Whether there is any: a node whose inbox nobody ever asked for keeps none. */
  hasAgents(): boolean;
  /** What the owner has said about the default moot. */
  readonly defaultMoot: DefaultMootStore;
  /** Shared with every other process here, whoever holds the lock. */
  readonly mailbox: MailboxStore;
  /** The start is over, and others wait for this process now: opening a group waits for nobody any more, and takes no long work upon itself. */
  beginServing(): void;
  /** Joined groups in the order of their directory names; unrecognised names are skipped and reported. */
  groupIds(): GroupId[];
  /** Groups that are there and that the latest `groupIds` left out, with why. */
  readonly leftOut: ReadonlyMap<GroupId, EntmootError>;
  /** The store of a joined group, opened once and shared; takes over the original's files on first open. `undefined` when not joined. */
  openGroup(groupId: GroupId, onProgress?: (progress: MigrationProgress) => void): GroupStore | undefined;
  /** A new empty group; throws `conflict` when it is joined already. It counts as joined once its roster has an entry. */
  createGroup(groupId: GroupId): GroupStore;
  /** Closes and deletes a group that never came to be (a failed join). Refuses one with messages. */
  discardGroup(groupId: GroupId): void;
  /**
   * Closes a group that is joined and takes it away, messages and all. With `keep` its folder is set aside as it is, under
   * another name that is given; else it is deleted. A crash leaves it joined or gone, never in part.
   */
  forgetGroup(groupId: GroupId, how: { readonly keep: boolean }): string | undefined;
  /**
   * What keeps all of it from being used as it was opened: files that are gone or others, no room to write. Costs some
   * microseconds; with `again` writes that the disk refused are tried once more. Each moot's own files are for its store to tell.
   */
  look(how: { readonly again: boolean }): DataLook;
  /** From now on `told` hears of each write that the disk refuses, at once. */
  onRefused(told: (failure: EntmootError) => void): void;
  /** What was found that a person should know: skipped directories, loose permissions, repairs made. */
  readonly notices: readonly string[];
}
