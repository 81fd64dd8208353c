import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { type GroupId, MerkleRoot } from "../../core/ids.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import type { OrderNode } from "../../core/order/order.ts";
import type { Message } from "../../core/record/records.ts";
import { parseRosterLog, type RosterFile } from "../../core/roster/roster-file.ts";
import type { RosterLog } from "../../core/roster/roster-log.ts";
import type { MigrationProgress } from "../data-root.ts";
import type { NewMessage } from "../group-store.ts";
import { FileLock } from "../lock.ts";
import { fileFailure, syncDirectory, syncFile } from "../private-files.ts";
import { SqliteFile } from "../sqlite/sqlite-file.ts";
import { GROUP_MIGRATIONS, SqliteGroupStore } from "../sqlite/sqlite-group-store.ts";
import { copyAds } from "./original-ads.ts";
import { OriginalDatabase } from "./original-database.ts";
import { countOriginalMessages, type OriginalMessage, originalMessages } from "./original-messages.ts";
import { copySideFiles } from "./original-side-files.ts";

export const GROUP_DATABASE = "moot.sqlite";
const ORIGINAL_ROSTER = "roster.jsonl";
const ORIGINAL_MESSAGES = "messages.sqlite";
/** Written by tests and libraries of the original, never by its daemon. */
const ORIGINAL_LINES = "messages.jsonl";
/** In the data root, and left there: whoever waits for it holds the file, and would find it gone. */
const LOCK = "takeover.lock";
const FRESH = `${GROUP_DATABASE}.tmp-`;
const SCRATCH = "takeover-";

/** The fact that tells what a take-over found, kept for good. */
export const TAKEOVER_FACT = "takeover";

/** Ours. Messages verified and stored between two reports of progress. */
const BATCH = 1024;
/** Ours. How long to wait for another process that takes groups over. */
const LOCK_WAIT_MS = 30_000;
/** Ours. A roster entry is near 350 bytes; this is room for half a million. */
const ROSTER_BYTES_MAX = 256 * 1024 * 1024;

/** What the fact holds, as JSON. */
export interface TakeoverReport {
  readonly messages: number;
  /** Kept aside in the table `unverified`, never shown, by reason. */
  readonly unverified: Readonly<Record<string, number>>;
  readonly merkle_root: MerkleRoot;
  /** Over all messages of the group the original held; equal to `merkle_root` when all were verified. */
  readonly original_merkle_root: MerkleRoot;
}

/** Reasons and counts of the messages kept aside, from the text of the fact; none when it is unreadable. */
export function unverifiedCounts(fact: string): [reason: string, count: number][] {
  try {
    const { unverified } = JSON.parse(fact) as { unverified?: Record<string, unknown> };
    return Object.entries(unverified ?? {}).filter((entry): entry is [string, number] => typeof entry[1] === "number");
  } catch {
    return [];
  }
}

interface TakeoverRequest {
  /** The data root. */
  readonly root: string;
  /** The group's directory. */
  readonly directory: string;
  readonly groupId: GroupId;
  readonly onProgress?: ((progress: MigrationProgress) => void) | undefined;
}

/** Whether the directory holds a group of the original: a roster log that is not empty. */
export function holdsOriginal(directory: string): boolean {
  const stat = statSync(join(directory, ORIGINAL_ROSTER), { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size > 0;
}

/**
 * Makes the group's database out of the original's files, which stay as they are, and gives what people should know.
 * Either the whole database appears or none; interrupted anywhere, the next call starts over. With two processes at
 * once, one does the work. Throws `data_root_invalid` for a roster log that cannot be trusted or a damaged database,
 * `unavailable` while another process is at it, `disk_full`.
 */
export function takeOver(request: TakeoverRequest): string[] {
  const { root, directory } = request;
  using lock = FileLock.tryAcquire(join(root, LOCK), LOCK_WAIT_MS);
  if (!lock) {
    throw new EntmootError("unavailable", `${directory}: another process is taking groups over; try again later`);
  }
  const target = join(directory, GROUP_DATABASE);
  if (existsSync(target)) return [];
  try {
    clearLeftovers(directory);
    const fresh = join(directory, `${FRESH}${process.pid}`);
    const notices = build(request, fresh);
    syncFile(fresh);
    // The log of a database someone deleted by hand would be replayed into this one.
    for (const suffix of ["-wal", "-shm"]) rmSync(target + suffix, { force: true });
    renameSync(fresh, target);
    syncDirectory(directory);
    return notices;
  } catch (error) {
    clearLeftovers(directory);
    throw fileFailure(error, directory);
  }
}

function build(request: TakeoverRequest, fresh: string): string[] {
  const { root, directory, groupId } = request;
  const notices: string[] = [];
  const { log, tornBytes } = readRoster(join(directory, ORIGINAL_ROSTER));
  if (tornBytes > 0) {
    notices.push(
      `${join(directory, ORIGINAL_ROSTER)}: the last line is incomplete (${tornBytes} bytes); it was left out`,
    );
  }
  const scratch = join(directory, SCRATCH);
  let report = NOTHING_TAKEN;
  {
    const file = SqliteFile.open(fresh, {
      label: "group database",
      migrations: GROUP_MIGRATIONS,
      access: "write",
      // Thrown away unless complete, and made durable as a whole then.
      durable: false,
    });
    using store = new SqliteGroupStore(groupId, file);
    store.roster.append(log.entries);
    using database = OriginalDatabase.open(join(directory, ORIGINAL_MESSAGES), scratch);
    if (database) {
      report = copyMessages({ ...request, database, file, store, log });
      store.setFact(TAKEOVER_FACT, JSON.stringify(report));
      const left = copyAds(database, { groupId, roster: log, ads: store.ads });
      if (left > 0) notices.push(`${directory}: ${left} ads that no current member signed were left out`);
    }
    const lines = join(directory, ORIGINAL_LINES);
    if (!database && existsSync(lines)) notices.push(`not taken over: ${lines}: only ${ORIGINAL_MESSAGES} is read`);
    notices.push(...copySideFiles({ root, scratch, store }));
  }
  checkRoot(fresh, groupId, report);
  return notices;
}

function readRoster(path: string): RosterFile {
  const { size } = statSync(path);
  if (size > ROSTER_BYTES_MAX) {
    throw new EntmootError("data_root_invalid", `${path}: expected at most ${ROSTER_BYTES_MAX} bytes, found ${size}`);
  }
  try {
    return parseRosterLog(readFileSync(path));
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    throw new EntmootError(
      error.code,
      `${path}: ${error.message}; nothing was changed; restore the file from a backup, or move the group's directory away and join again`,
      { cause: error },
    );
  }
}

interface MessageTakeover extends TakeoverRequest {
  readonly database: OriginalDatabase;
  readonly file: SqliteFile;
  readonly store: SqliteGroupStore;
  readonly log: RosterLog;
}

function copyMessages({ database, file, store, groupId, log, onProgress }: MessageTakeover): TakeoverReport {
  const total = countOriginalMessages(database);
  const aside = file.prepare("INSERT INTO unverified (id, reason, canonical) VALUES (?1, ?2, ?3)");
  const unverified: Extract<OriginalMessage, { kind: "unverified" }>[] = [];
  const counts: Record<string, number> = {};
  const taken = new MessageSet();
  const aliens: OrderNode[] = [];
  let batch: NewMessage[] = [];
  let done = 0;
  const flush = () => {
    store.messages.putMany(batch);
    for (const { id, timestamp, author_node_id, parents } of batch) {
      taken.add({ id, timestamp, author: author_node_id, parents });
    }
    const puts = unverified.splice(0);
    if (puts.length > 0) {
      file.transact(() => {
        for (const { id, reason, canonical } of puts) aside.run(id, reason, canonical);
      });
    }
    batch = [];
    onProgress?.({ groupId, done, total });
  };
  for (const found of originalMessages(database, { groupId, roster: log })) {
    done += 1;
    if (found.kind === "verified") batch.push(found.message);
    else {
      unverified.push(found);
      counts[found.reason] = (counts[found.reason] ?? 0) + 1;
      if (found.message?.group_id === groupId) aliens.push(nodeOf(found.message));
    }
    if (batch.length + unverified.length >= BATCH) flush();
  }
  flush();
  const [messages, merkle_root] = [taken.size, taken.root()];
  for (const node of aliens) taken.add(node);
  return { messages, unverified: counts, merkle_root, original_merkle_root: taken.root() };
}

function nodeOf({ id, author, timestamp, parents }: Message): OrderNode {
  return { id, author: author.pilot_node_id, timestamp, parents };
}

const NOTHING_TAKEN: TakeoverReport = {
  messages: 0,
  unverified: {},
  merkle_root: MerkleRoot.zero,
  original_merkle_root: MerkleRoot.zero,
};

/** Reads what was written as the next opening will, and compares it with what was meant. */
function checkRoot(path: string, groupId: GroupId, { messages, merkle_root }: TakeoverReport): void {
  using store = SqliteGroupStore.open(path, { groupId, access: "write" });
  const [size, root] = [store.messages.size, store.messages.merkleRoot()];
  if (size === messages && root === merkle_root) return;
  throw new EntmootError(
    "internal",
    `${path}: expected ${messages} messages under root ${merkle_root}, found ${size} under ${root}; check the disk`,
  );
}

function clearLeftovers(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(FRESH) || name.startsWith(SCRATCH)) {
      rmSync(join(directory, name), { recursive: true, force: true });
    }
  }
}
