import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { EntmootError, textOf } from "../../core/errors.ts";
import type { GroupId } from "../../core/ids.ts";
import { moveFile, removeEmptyFolder, removeFile, removeTree } from "../../files/guarded-files.ts";
import type { AgentStore } from "../agent-store.ts";
import type { DataLook, DataRoot, MigrationProgress } from "../data-root.ts";
import { DefaultMootFile } from "../default-moot-file.ts";
import { DiskRoom } from "../disk-room.ts";
import { groupDirectoryName, groupOfDirectory, hasMessages, joinedAlready } from "../group-directory.ts";
import { MemoryAgentStore } from "../memory/memory-agent-store.ts";
import { MemoryNodeStore } from "../memory/memory-node-store.ts";
import type { NodeStore } from "../node-store.ts";
import { OpenFiles } from "../open-files.ts";
import { type OriginalGroup, TAKEOVER_FACT, unverifiedCounts } from "../original/fill-group.ts";
import { counted, takeLaterWrites } from "../original/later-writes.ts";
import { OriginalDatabase } from "../original/original-database.ts";
import { holdsOriginal } from "../original/original-files.ts";
import { filesSeen, keptMark } from "../original/original-mark.ts";
import { seeLaterWrites, seeOriginal } from "../original/read-in-place.ts";
import { GROUP_DATABASE, takeOver } from "../original/takeover.ts";
import {
  createPrivateDirectory,
  fileFailure,
  isThere,
  PRIVATE_DIRECTORY,
  PRIVATE_FILE,
  syncDirectory,
  tighten,
} from "../private-files.ts";
import { isToTighten, requireRootFolder } from "../root-folder.ts";
import { SameFile } from "../same-file.ts";
import { GroupsBeingMade } from "./groups-being-made.ts";
import { OpeningWait } from "./opening-wait.ts";
import { SqliteAgentStore } from "./sqlite-agent-store.ts";
import { type Access, SqliteFile } from "./sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "./sqlite-group-store.ts";
import { MAILBOX_DATABASE, SqliteMailbox } from "./sqlite-mailbox.ts";
import { SqliteNodeStore } from "./sqlite-node-store.ts";
import { SqliteRosterStore } from "./sqlite-roster-store.ts";

const NODE_DATABASE = "node.sqlite";
const AGENTS_DATABASE = "agents.sqlite";

/** Ahead of the name of a group's folder that was set aside. */
const FORGOTTEN = ".forgotten-";
/** And of one that is being deleted. */
const DELETED = ".deleted-";

/** Files of a data root, ours and the original's, that hold secrets or other people's words. */
const PRIVATE_FILES = [
  NODE_DATABASE,
  AGENTS_DATABASE,
  "esp.sqlite",
  MAILBOX_DATABASE,
  "esp-devices.json",
  "identity.json",
];
const PRIVATE_GROUP_FILES = [GROUP_DATABASE, "messages.sqlite", "roster.jsonl"];

/** Said while others are served. `once`: what is awaited first, when something is. */
const takenAtStart = (once = "") =>
  `its data is taken over when the daemon starts: ${once}end this one (entmootd stop) and start the daemon again`;

/** Ours. How long a start waits for other processes, in sum: nobody is served before. */
const START_WAIT_MS = 10_000;
/** Ours. The same for each group that is opened later, when others wait meanwhile. */
const SERVING_WAIT_MS = 40;

/** Ours. Notices kept for people; a root with more to say than this needs a look anyway. */
const NOTICES_MAX = 1000;

export interface OpenRootOptions {
  /** How many databases of groups are open at a time; as many as this process may have when absent. */
  readonly files?: OpenFiles;
  /** Told when, with `read` access, what is shown may not be all that the original's files hold, and why. */
  readonly onStale?: (text: string) => void;
  /** Told now and then while, with `read` access, the original's files are read. */
  readonly onSeeing?: (progress: MigrationProgress) => void;
}

/**
 * A data root on disk. With `write` access the caller holds the `DataRootLock`; `read` access needs no lock, may run
 * beside the daemon and changes nothing but bringing files up to date.
 */
export class SqliteDataRoot implements DataRoot {
  /** Absolute. */
  readonly path: string;
  readonly node: NodeStore;
  #agents: AgentStore | undefined;
  readonly defaultMoot: DefaultMootFile;
  readonly mailbox: SqliteMailbox;
  readonly #access: Access;
  readonly #groups: string;
  readonly #files: OpenFiles;
  readonly #room: DiskRoom;
  #tellRefused: (failure: EntmootError) => void = () => {};
  /** The data root and the folder of its groups, as they were opened. */
  readonly #folders: readonly SameFile[];
  readonly #open = new Map<GroupId, SqliteGroupStore>();
  readonly #leftOut = new Map<GroupId, EntmootError>();
  /** Why the original's data of a group was not taken over at the start. */
  readonly #notTaken = new Map<GroupId, EntmootError>();
  readonly #notices: string[] = [];
  readonly #making: GroupsBeingMade;
  readonly #onStale: (text: string) => void;
  readonly #onSeeing: ((progress: MigrationProgress) => void) | undefined;
  readonly #startPatience = new OpeningWait(START_WAIT_MS);
  #isServing = false;

  /**
   * Opens the data root at `path`; with `write` access it is made, 0700, and loose permissions in it are tightened.
   * Throws `data_root_invalid` when it is a file, a folder of something else, not writable or from a newer version.
   */
  static open(path: string, access: Access, options: OpenRootOptions = {}): SqliteDataRoot {
    if (path === "" || path.includes("\0")) {
      throw new EntmootError("data_root_invalid", `data root: expected a path, found ${JSON.stringify(path)}`);
    }
    return new SqliteDataRoot(resolve(path), access, options);
  }

  private constructor(
    path: string,
    access: Access,
    { files = new OpenFiles(), onSeeing, onStale = () => {} }: OpenRootOptions,
  ) {
    this.path = path;
    this.defaultMoot = new DefaultMootFile(path);
    this.mailbox = new SqliteMailbox(path);
    this.#files = files;
    this.#access = access;
    this.#onStale = onStale;
    this.#onSeeing = onSeeing;
    this.#groups = join(path, "groups");
    if (access === "write") {
      requireRootFolder(path);
      createPrivateDirectory(path);
      createPrivateDirectory(this.#groups);
      this.#tightenAll();
    } else {
      requireDirectory(path);
    }
    this.#folders = [path, this.#groups].flatMap((folder) => SameFile.at(folder) ?? []);
    this.#room = new DiskRoom(path, (failure) => this.#tellRefused(failure));
    const database = join(path, NODE_DATABASE);
    // Looking creates nothing: where no node has run yet, there is nothing to see.
    const isThere = access === "write" || existsSync(database);
    this.node = isThere
      ? new SqliteNodeStore(database, access, { patience: this.#startPatience, room: this.#room })
      : new MemoryNodeStore();
    this.#making = new GroupsBeingMade(this.node);
    if (access === "write") for (const id of this.#making.all()) this.#finishMaking(id);
    if (access === "write") this.#finishDeleting();
  }

  get notices(): readonly string[] {
    return this.#notices;
  }

  agents(): AgentStore {
    this.#agents ??=
      this.#access === "write" || this.hasAgents()
        ? new SqliteAgentStore(join(this.path, AGENTS_DATABASE), this.#access, { files: this.#files, room: this.#room })
        : new MemoryAgentStore();
    return this.#agents;
  }

  hasAgents(): boolean {
    return this.#agents !== undefined || isThere(join(this.path, AGENTS_DATABASE));
  }

  beginServing(): void {
    this.#isServing = true;
  }

  groupIds(): GroupId[] {
    const joined: GroupId[] = [];
    this.#leftOut.clear();
    for (const name of this.#directoryNames()) {
      const groupId = groupOfDirectory(name);
      if (name.startsWith(FORGOTTEN) || name.startsWith(DELETED)) continue;
      if (groupId === undefined) this.#notice(`${join(this.#groups, name)}: not the directory of a group; skipped`);
      else if (this.#isJoinedOrTold(groupId)) joined.push(groupId);
    }
    return joined;
  }

  get leftOut(): ReadonlyMap<GroupId, EntmootError> {
    return this.#leftOut;
  }

  openGroup(groupId: GroupId, onProgress?: (progress: MigrationProgress) => void): SqliteGroupStore | undefined {
    const known = this.#open.get(groupId);
    if (known && known.roster.size > 0) this.#making.end(groupId);
    if (known) return known.roster.size > 0 ? known : undefined;
    const directory = this.#directory(groupId);
    const original = holdsOriginal(directory) ? { root: this.path, directory, groupId } : undefined;
    const isOurs = existsSync(join(directory, GROUP_DATABASE));
    if (!isOurs && original === undefined) return undefined;
    const store =
      this.#access === "read"
        ? this.#see(original && { ...original, onProgress: this.#onSeeing }, isOurs, groupId)
        : this.#take(original && { ...original, onProgress }, isOurs, groupId);
    try {
      if (store.roster.size > 0) {
        this.#noticeUnverified(store);
        return store;
      }
    } catch (error) {
      store[Symbol.dispose]();
      throw error;
    }
    store[Symbol.dispose]();
    return undefined;
  }

  /** The group's database, made of the original's files when there is none, with what they hold that is new. */
  #take(original: OriginalGroup | undefined, isOurs: boolean, groupId: GroupId): SqliteGroupStore {
    if (original !== undefined && !isOurs) this.#takeOver(original);
    const store = this.#openDatabase(groupId);
    if (original !== undefined && isOurs) this.#compare(original, store);
    return store;
  }

  /** Verifies every message, for which nothing else goes on: done at a start, and not again while others are served. */
  #takeOver(original: OriginalGroup): void {
    const { directory, groupId } = original;
    const failure = this.#notTaken.get(groupId);
    if (this.#isServing) {
      const why =
        failure === undefined
          ? `${directory}: holds the original's data; ${takenAtStart()}`
          : `${failure.message}; ${takenAtStart("once that is mended, ")}`;
      // Not `unavailable`: it does not pass by itself.
      const code = failure === undefined || failure.code === "unavailable" ? "conflict" : failure.code;
      throw new EntmootError(code, why);
    }
    try {
      this.#noticeAll(takeOver(original));
    } catch (error) {
      if (error instanceof EntmootError) this.#notTaken.set(groupId, error);
      throw error;
    }
  }

  /** What cannot be compared costs nobody the messages that are here. */
  #compare(original: OriginalGroup, store: SqliteGroupStore): void {
    if (this.#isServing) {
      // As much work, for as long a log.
      if (keptMark(store)?.files === filesSeen(original.root, original.directory)) return;
      this.#notice(`${original.directory}: the original wrote since its data was taken over; ${takenAtStart()}`);
      return;
    }
    try {
      this.#noticeAll(takeLaterWrites({ ...original, store, file: store.file, open: OriginalDatabase.look }));
    } catch (error) {
      if (!(error instanceof EntmootError) || error.code === "disk_full") {
        store[Symbol.dispose]();
        throw error;
      }
      this.#notice(`${error.message}; what the original wrote since its data was taken over is not here`);
    }
  }

  /** The same for somebody who only looks: nothing is made or changed. */
  #see(original: OriginalGroup | undefined, isOurs: boolean, groupId: GroupId): SqliteGroupStore {
    const forget = () => this.#open.delete(groupId);
    const taken = isOurs ? this.#openDatabase(groupId) : undefined;
    if (original === undefined) return taken!;
    try {
      const path = join(original.directory, GROUP_DATABASE);
      const seen = taken
        ? seeLaterWrites(original, { taken, path }, forget)
        : seeOriginal(original, { onClose: forget, onRefused: this.#onStale });
      if (seen === undefined) return taken!;
      taken?.[Symbol.dispose]();
      this.#open.set(groupId, seen);
      return seen;
    } catch (error) {
      if (taken === undefined || !(error instanceof EntmootError)) throw error;
      this.#onStale(`${error.message}; what the original wrote since its data was taken over is not shown`);
      return taken;
    }
  }

  createGroup(groupId: GroupId): SqliteGroupStore {
    this.#requireWrite();
    if (this.#isJoined(groupId)) throw joinedAlready(groupId);
    this.#deleteDatabase(groupId);
    // What was left out is here no more.
    this.#leftOut.delete(groupId);
    this.#making.begin(groupId);
    try {
      createPrivateDirectory(this.#directory(groupId));
      return this.#openDatabase(groupId);
    } catch (error) {
      this.#removeFiles(groupId);
      throw error;
    }
  }

  discardGroup(groupId: GroupId): void {
    this.#requireWrite();
    const directory = this.#directory(groupId);
    if (holdsOriginal(directory)) {
      throw new EntmootError("conflict", `${directory}: holds files of a joined group; it is not thrown away`);
    }
    this.#deleteDatabase(groupId);
    this.#leftOut.delete(groupId);
    this.#removeFiles(groupId);
  }

  forgetGroup(groupId: GroupId, { keep }: { readonly keep: boolean }): string | undefined {
    this.#requireWrite();
    this.#open.get(groupId)?.[Symbol.dispose]();
    const directory = this.#directory(groupId);
    const mark = crypto.getRandomValues(new Uint8Array(4)).toHex();
    const aside = join(this.#groups, `${keep ? FORGOTTEN : DELETED}${groupDirectoryName(groupId)}-${mark}`);
    try {
      // In one step: what goes on being deleted is no group any more.
      moveFile(directory, aside);
      syncDirectory(this.#groups);
      if (!keep) removeTree(aside);
    } catch (error) {
      throw fileFailure(error, directory);
    }
    this.#leftOut.delete(groupId);
    return keep ? aside : undefined;
  }

  look(how: { readonly again: boolean }): DataLook {
    for (const folder of this.#folders) {
      const failure = folder.look();
      if (failure !== undefined) return { faults: [failure], isGone: true };
    }
    const faults = [...this.#room.look(how)];
    for (const store of [this.node, this.#agents]) {
      try {
        store?.requireSame();
      } catch (error) {
        if (!(error instanceof EntmootError)) throw error;
        faults.push(error);
      }
    }
    return { faults, isGone: false };
  }

  onRefused(told: (failure: EntmootError) => void): void {
    this.#tellRefused = told;
  }

  [Symbol.dispose](): void {
    for (const store of [...this.#open.values()]) store[Symbol.dispose]();
    this.#agents?.[Symbol.dispose]();
    this.node[Symbol.dispose]();
    this.mailbox[Symbol.dispose]();
  }

  get #patience(): OpeningWait {
    return this.#isServing ? new OpeningWait(SERVING_WAIT_MS) : this.#startPatience;
  }

  #directory(groupId: GroupId): string {
    return join(this.#groups, groupDirectoryName(groupId));
  }

  /** Ascending. */
  #directoryNames(): string[] {
    try {
      const entries = readdirSync(this.#groups, { withFileTypes: true });
      return entries.map(({ name }) => name).sort();
    } catch (error) {
      if ((error as { code?: unknown }).code === "ENOENT") return [];
      throw fileFailure(error, this.#groups);
    }
  }

  #isJoined(groupId: GroupId): boolean {
    const known = this.#open.get(groupId);
    if (known) return known.roster.size > 0;
    const directory = this.#directory(groupId);
    const path = join(directory, GROUP_DATABASE);
    if (!isThere(path)) return holdsOriginal(directory);
    // With the access of the root: a daemon looks too, and waits for nobody as long as a reader may.
    using file = SqliteFile.open(path, {
      label: "group database",
      migrations: GROUP_MIGRATIONS,
      access: this.#access,
      makingPatience: this.#patience,
    });
    return new SqliteRosterStore(file).size > 0;
  }

  /** One group that cannot be read must not hide the others. */
  #isJoinedOrTold(groupId: GroupId): boolean {
    // Of one that is being made, or whose maker was ended, the next start takes away what is no moot; until then it is none.
    const isBegun = this.#access === "read" && this.#making.all().includes(groupId);
    try {
      if (this.#isJoined(groupId)) return true;
      if (isBegun) return false;
      const path = join(this.#directory(groupId), GROUP_DATABASE);
      if (existsSync(path)) {
        const why = `${path}: holds no roster, as after a copy that was cut short; the group is left out. Restore it from a backup, or remove its folder`;
        this.#notice(why);
        this.#leftOut.set(groupId, new EntmootError("data_root_invalid", why));
      }
      return false;
    } catch (error) {
      if (isBegun) return false;
      const failure = asFailure(error, this.#directory(groupId));
      this.#notice(`${failure.message}; the group is left out`);
      this.#leftOut.set(groupId, failure);
      return false;
    }
  }

  #openDatabase(groupId: GroupId): SqliteGroupStore {
    const store = SqliteGroupStore.open(join(this.#directory(groupId), GROUP_DATABASE), {
      groupId,
      access: this.#access,
      files: this.#files,
      alone: this.#access === "write",
      room: this.#room,
      makingPatience: this.#patience,
      onClose: () => this.#open.delete(groupId),
    });
    this.#open.set(groupId, store);
    return store;
  }

  /** Throws `conflict` when it holds messages. */
  #deleteDatabase(groupId: GroupId): void {
    const path = join(this.#directory(groupId), GROUP_DATABASE);
    if (!existsSync(path)) return;
    const shared = this.#open.get(groupId);
    const store = shared ?? this.#openDatabase(groupId);
    const isEmpty = store.messages.size === 0;
    if (isEmpty || !shared) store[Symbol.dispose]();
    if (!isEmpty) throw hasMessages(groupId);
    this.#removeFiles(groupId);
  }

  /** Of a group that never came to be. */
  #removeFiles(groupId: GroupId): void {
    const directory = this.#directory(groupId);
    // The database last: without its log it is an older state of itself, a log without it would be replayed into the next.
    for (const suffix of ["-wal", "-shm", ""]) removeFile(join(directory, GROUP_DATABASE + suffix));
    try {
      removeEmptyFolder(directory);
    } catch {
      // Not there, or it holds something of someone else's.
    }
    this.#making.end(groupId);
  }

  /** One whose making began in a process before this one: it is there, or what is left of it goes. */
  #finishMaking(groupId: GroupId): void {
    try {
      if (this.#isJoined(groupId)) this.#making.end(groupId);
      else this.discardGroup(groupId);
    } catch (error) {
      // It holds messages, or cannot be read: whoever lists the groups is told of it.
      this.#notice(asFailure(error, this.#directory(groupId)).message);
    }
  }

  /** What a process before this one began to delete. */
  #finishDeleting(): void {
    for (const name of this.#directoryNames()) {
      if (!name.startsWith(DELETED)) continue;
      try {
        removeTree(join(this.#groups, name));
      } catch (error) {
        this.#notice(asFailure(error, join(this.#groups, name)).message);
      }
    }
  }

  #noticeUnverified(store: SqliteGroupStore): void {
    const text = store.getFact(TAKEOVER_FACT);
    if (text === undefined) return;
    const counts = unverifiedCounts(text);
    if (counts.length === 0) return;
    const total = counts.reduce((sum, [, count]) => sum + count, 0);
    const reasons = counts.map(([reason, count]) => `${count} ${reason}`).join(", ");
    this.#notice(
      `${this.#directory(store.groupId)}: ${counted(total, "message", "messages")} of the earlier store did not verify (${reasons}); they are kept aside and not shown`,
    );
  }

  #requireWrite(): void {
    if (this.#access === "write") return;
    throw new EntmootError("unavailable", `${this.path}: opened for reading; ask the running daemon to write`);
  }

  #tightenAll(): void {
    if (isToTighten(this.path)) this.#tighten(this.path, PRIVATE_DIRECTORY);
    else this.#noticeOpen();
    this.#tighten(this.#groups, PRIVATE_DIRECTORY);
    for (const name of PRIVATE_FILES) this.#tighten(join(this.path, name), PRIVATE_FILE);
    for (const name of this.#directoryNames()) {
      if (groupOfDirectory(name) === undefined) continue;
      const directory = join(this.#groups, name);
      try {
        this.#tighten(directory, PRIVATE_DIRECTORY);
        for (const file of PRIVATE_GROUP_FILES) this.#tighten(join(directory, file), PRIVATE_FILE);
      } catch (error) {
        // Of another user, say: that is for whoever opens this group to be told, and must not keep the others shut.
        this.#notice(asFailure(error, directory).message);
      }
    }
  }

  #noticeOpen(): void {
    const { mode, uid } = statSync(this.path);
    if ((mode & 0o077) === 0) return;
    this.#notice(
      `${this.path}: is open to others (mode ${octal(mode & 0o7777)}) and left so, for it is user ${uid}'s or everybody's; keep a data root in a folder of its own`,
    );
  }

  #tighten(path: string, wanted: number): void {
    const found = tighten(path, wanted);
    if (found === undefined) return;
    const closed = wanted === PRIVATE_DIRECTORY ? ", so no other user comes to what is in it" : "";
    this.#notice(`${path}: was open to others (mode ${octal(found)}); it is ${octal(wanted)} now${closed}`);
  }

  #noticeAll(texts: readonly string[]): void {
    for (const text of texts) this.#notice(text);
  }

  #notice(text: string): void {
    if (this.#notices.length < NOTICES_MAX && !this.#notices.includes(text)) this.#notices.push(text);
  }
}

/** Whatever kept one thing from being read, in words. */
function asFailure(error: unknown, path: string): EntmootError {
  const failure = fileFailure(error, path);
  if (failure instanceof EntmootError) return failure;
  return new EntmootError("internal", `${path}: ${textOf(error)}`, { cause: error });
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function requireDirectory(path: string): void {
  try {
    if (statSync(path).isDirectory()) return;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw fileFailure(error, path);
    throw new EntmootError("data_root_invalid", `${path}: no data root here; create or join a group first`, {
      cause: error,
    });
  }
  throw new EntmootError("data_root_invalid", `${path}: expected a directory, found a file; choose another data root`);
}
