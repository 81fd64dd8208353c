import { existsSync } from "node:fs";
import { join } from "node:path";
import { type GroupId, MerkleRoot } from "../../core/ids.ts";
import { MessageSet } from "../../core/order/message-set.ts";
import type { OrderNode } from "../../core/order/order.ts";
import type { Message } from "../../core/record/records.ts";
import type { RosterLog } from "../../core/roster/roster-log.ts";
import type { MigrationProgress } from "../data-root.ts";
import type { NewMessage } from "../group-store.ts";
import type { SqliteFile } from "../sqlite/sqlite-file.ts";
import type { SqliteGroupStore } from "../sqlite/sqlite-group-store.ts";
import { Aside } from "./aside.ts";
import { copyAds } from "./original-ads.ts";
import type { OriginalDatabase } from "./original-database.ts";
import {
  ORIGINAL_LINES,
  ORIGINAL_MESSAGES,
  ORIGINAL_ROSTER,
  readRoster,
  readRosterBytes,
  tornNotice,
} from "./original-files.ts";
import { keepMark, markOf } from "./original-mark.ts";
import { countOriginalMessages, originalMessages, type Unverified } from "./original-messages.ts";
import { copySideFiles } from "./original-side-files.ts";

/** The fact that tells what a take-over found, kept for good. */
export const TAKEOVER_FACT = "takeover";

/** Ours. Messages verified and stored between two reports of progress. */
const BATCH = 1024;

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

export interface OriginalGroup {
  /** The data root. */
  readonly root: string;
  /** The group's directory. */
  readonly directory: string;
  readonly groupId: GroupId;
  readonly onProgress?: ((progress: MigrationProgress) => void) | undefined;
}

/** A group's database that is filled, and how the original's are opened for that. */
export interface Filling extends OriginalGroup {
  readonly file: SqliteFile;
  readonly store: SqliteGroupStore;
  readonly open: (path: string) => OriginalDatabase | undefined;
  /** Signatures are verified by whoever shows a message. */
  readonly signaturesLater?: boolean;
}

/**
 * Fills an empty store with what the original keeps of a group, every signature verified, unless later. Gives what was found, and
 * what people should know. Throws `data_root_invalid` for a roster log that cannot be trusted or a damaged database,
 * `unavailable` when somebody writes it meanwhile.
 */
export function fillGroup(filling: Filling): { report: TakeoverReport; notices: string[]; roster: RosterLog } {
  const { directory, groupId, open, root, store } = filling;
  const path = join(directory, ORIGINAL_ROSTER);
  const bytes = readRosterBytes(path);
  const { log, tornBytes } = readRoster(path, bytes);
  const notices = tornNotice(path, tornBytes);
  store.roster.append(log.entries);
  using database = open(join(directory, ORIGINAL_MESSAGES));
  let report = NOTHING_TAKEN;
  if (database) {
    report = copyMessages(filling, database, log);
    store.setFact(TAKEOVER_FACT, JSON.stringify(report));
    const left = copyAds(database, { groupId, roster: log, ads: store.ads });
    if (left > 0) notices.push(`${directory}: ${left} ads that no current member signed were left out`);
  }
  const lines = join(directory, ORIGINAL_LINES);
  if (!database && existsSync(lines)) notices.push(`not taken over: ${lines}: only ${ORIGINAL_MESSAGES} is read`);
  notices.push(...copySideFiles({ root, open, store }));
  keepMark(store, markOf({ root, directory, groupId, open, roster: bytes, database }));
  database?.checkUnchanged();
  return { report, notices, roster: log };
}

function copyMessages(
  { file, store, groupId, onProgress, signaturesLater = false }: Filling,
  database: OriginalDatabase,
  log: RosterLog,
): TakeoverReport {
  const total = countOriginalMessages(database);
  const aside = new Aside(file);
  const unverified: Unverified[] = [];
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
    aside.put(unverified.splice(0));
    batch = [];
    onProgress?.({ groupId, done, total });
  };
  for (const found of originalMessages(database, { groupId, roster: log, signaturesLater })) {
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
