import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { MessageId } from "../../core/ids.ts";
import type { RosterFile } from "../../core/roster/roster-file.ts";
import { RosterLog } from "../../core/roster/roster-log.ts";
import type { NewMessage } from "../group-store.ts";
import { Aside } from "./aside.ts";
import { type Filling, TAKEOVER_FACT, unverifiedCounts } from "./fill-group.ts";
import { copyAds } from "./original-ads.ts";
import type { OriginalDatabase } from "./original-database.ts";
import { ORIGINAL_MESSAGES, ORIGINAL_ROSTER, readRoster, readRosterBytes, tornNotice } from "./original-files.ts";
import { keepMark, keptMark, markOf, type OriginalMark, sameContent } from "./original-mark.ts";
import { originalMessages, type Unverified } from "./original-messages.ts";
import { METADATA_DATABASE, POLICY_FILE } from "./original-side-files.ts";

/** Ours. Ids asked for at a time, and messages stored at a time. */
const BATCH = 1024;

/**
 * Compares what the original's files hold with what they held when they were last read, and takes into a store that was
 * filled from them what was written since, verified as at the first time. What we have stays whatever became of it
 * there. Gives what people should know: what was taken in, and exactly what differs and stays so. Throws as `fillGroup`.
 */
export function takeLaterWrites(filling: Filling): readonly string[] {
  const { directory, open, store } = filling;
  const path = join(directory, ORIGINAL_ROSTER);
  const roster = readRosterBytes(path);
  using database = open(join(directory, ORIGINAL_MESSAGES));
  const [kept, now] = [keptMark(store), markOf({ ...filling, roster, database })];
  const isSame = sameContent(kept, now);
  // What only people can mend they are told at each start.
  if (isSame && kept?.roster_differs) return takeRoster(filling, { path, bytes: roster }).notices;
  if (isSame) {
    // Copied or touched: the next look costs less.
    if (kept?.files !== now.files) keepMark(store, now);
    return [];
  }
  const rosterTaken = takeRoster(filling, { path, bytes: roster });
  const messagesTaken = database === undefined ? NO_MESSAGES : takeMessages(filling, database, rosterTaken.log);
  if (database !== undefined) {
    copyAds(database, { groupId: filling.groupId, roster: rosterTaken.log, ads: store.ads });
    database.checkUnchanged();
  }
  keepMark(store, rosterTaken.differs ? { ...now, roster_differs: true } : now);
  return [
    ...takenNotice(directory, rosterTaken.entries, messagesTaken),
    ...rosterTaken.notices,
    ...goneNotice(join(directory, ORIGINAL_MESSAGES), kept, now, messagesTaken),
    ...sideNotices(filling.root, kept, now),
  ];
}

interface RosterTaken {
  /** By which messages are judged. */
  readonly log: RosterLog;
  /** How many entries were new. */
  readonly entries: number;
  /** Theirs is none that ours could go on with. */
  readonly differs: boolean;
  readonly notices: readonly string[];
}

/** Ours goes on with theirs where ours is its beginning; two that part stay apart. */
function takeRoster({ store }: Filling, { path, bytes }: { path: string; bytes: Uint8Array }): RosterTaken {
  const ours = store.roster.entries();
  const log = RosterLog.empty.sync(ours).log;
  let read: RosterFile;
  try {
    read = readRoster(path, bytes);
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    return { log, entries: 0, differs: true, notices: [`not taken in: ${error.message}`] };
  }
  const theirs = read.log.entries;
  const notices = tornNotice(path, read.tornBytes);
  const common = theirs.findIndex((entry, at) => entry.id !== ours[at]?.id);
  // All of theirs is the beginning of ours.
  if (common < 0) return { log, entries: 0, differs: false, notices };
  if (common < ours.length) {
    notices.push(
      `${path}: parts from our roster after entry ${common}: it goes on with ${theirs[common]!.id} (${theirs.length - common} more), ours with ${ours[common]!.id} (${ours.length - common} more); ours is kept, so let the founder's node, running one program only, repeat what is missing`,
    );
    return { log, entries: 0, differs: true, notices };
  }
  const rest = theirs.slice(common);
  store.roster.append(rest);
  return { log: read.log, entries: rest.length, differs: false, notices };
}

interface MessagesTaken {
  readonly taken: number;
  /** Newly kept aside, by reason. */
  readonly aside: Readonly<Record<string, number>>;
  /** Not known here before, whatever became of them. */
  readonly fresh: number;
}

const NO_MESSAGES: MessagesTaken = { taken: 0, aside: {}, fresh: 0 };

function takeMessages(filling: Filling, database: OriginalDatabase, roster: RosterLog): MessagesTaken {
  const { file, groupId, store } = filling;
  const fresh = unknownIds(filling, database);
  const aside = new Aside(file);
  const put: Unverified[] = [];
  const counts: Record<string, number> = {};
  let batch: NewMessage[] = [];
  let [taken, seenBefore, verifiedNow] = [0, 0, 0];
  const flush = () => {
    taken += store.messages.putMany(batch).filter((seq) => seq !== undefined).length;
    for (const { id } of batch) verifiedNow += aside.forget(MessageId.toBytes(id));
    batch = [];
  };
  for (const found of originalMessages(database, { groupId, roster, only: (id) => fresh.has(id.toHex()) })) {
    if (found.kind === "verified") batch.push(found.message);
    else if (aside.has(found)) seenBefore += 1;
    else {
      put.push(found);
      counts[found.reason] = (counts[found.reason] ?? 0) + 1;
    }
    if (batch.length === BATCH) flush();
  }
  flush();
  aside.put(put);
  if (put.length > 0 || verifiedNow > 0) recount(filling);
  return { taken, aside: counts, fresh: fresh.size - seenBefore - verifiedNow };
}

/** Ids in the original's database that this store neither holds nor held, in hex. */
function unknownIds({ store }: Filling, database: OriginalDatabase): Set<string> {
  const unknown = new Set<string>();
  if (!database.has("messages")) return unknown;
  let asked: MessageId[] = [];
  const ask = () => {
    for (const id of store.messages.unknown(asked)) unknown.add(id);
    asked = [];
  };
  for (const { message_id } of database.each("SELECT message_id FROM messages")) {
    if (!(message_id instanceof Uint8Array)) continue;
    if (message_id.length === 32) asked.push(MessageId.fromBytes(message_id));
    else unknown.add(message_id.toHex());
    if (asked.length === BATCH) ask();
  }
  ask();
  return unknown;
}

/** The report of the take-over counts what is kept aside now: people are told so at every opening. */
function recount({ file, store }: Filling): void {
  const text = store.getFact(TAKEOVER_FACT);
  const report = text === undefined || unverifiedCounts(text).length === 0 ? undefined : JSON.parse(text);
  const counts = file.prepare("SELECT reason, count(*) FROM unverified GROUP BY reason ORDER BY reason").rows();
  store.setFact(TAKEOVER_FACT, JSON.stringify({ ...report, unverified: Object.fromEntries(counts) }));
}

function takenNotice(directory: string, entries: number, { aside, taken }: MessagesTaken): string[] {
  const left = Object.values(aside).reduce((sum, count) => sum + count, 0);
  if (entries + taken + left === 0) return [];
  const parts = [counted(taken, "message", "messages"), counted(entries, "roster entry", "roster entries")];
  const text = `${directory}: the original wrote here since its data was taken over; taken in: ${parts.join(", ")}`;
  return [left === 0 ? text : `${text}; ${counted(left, "message", "messages")} did not verify`];
}

/** What is no longer there stays here: the original forgets by its own policy. */
function goneNotice(
  path: string,
  kept: Partial<OriginalMark> | undefined,
  now: OriginalMark,
  { fresh }: MessagesTaken,
): string[] {
  if (typeof kept?.messages !== "number") return [];
  const gone = kept.messages + fresh - now.messages;
  if (gone <= 0) return [];
  return [
    `${path}: held ${kept.messages} messages when it was last read and holds ${now.messages} now, ${fresh} of them new: at least ${gone} are gone there and stay here`,
  ];
}

function sideNotices(root: string, kept: Partial<OriginalMark> | undefined, now: OriginalMark): string[] {
  const changed = (key: "policy_sha256" | "metadata_sha256") => kept?.[key] !== undefined && kept[key] !== now[key];
  const notices: string[] = [];
  if (changed("policy_sha256"))
    notices.push(`${join(root, POLICY_FILE)}: changed since it was taken over; ours is kept`);
  if (changed("metadata_sha256"))
    notices.push(
      `${join(root, METADATA_DATABASE)}: the group's metadata changed since it was taken over; ours is kept`,
    );
  return notices;
}

/** `1 message`, `2 messages`. */
export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
