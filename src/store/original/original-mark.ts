import { statSync } from "node:fs";
import { join } from "node:path";
import { GroupId } from "../../core/ids.ts";
import { POLICY_FILE_BYTES_MAX } from "../../core/policy/policy-file.ts";
import { readAtMost } from "../../files/read-at-most.ts";
import type { GroupStore } from "../group-store.ts";
import type { OriginalDatabase } from "./original-database.ts";
import { ORIGINAL_MESSAGES, ORIGINAL_ROSTER } from "./original-files.ts";
import { METADATA_DATABASE, POLICY_FILE } from "./original-side-files.ts";

/** The fact that holds what the original's files held when they were last read. */
const MARK_FACT = "original_files";

/** What the original's files of a group hold: enough to tell later that they hold the same, and what changed. */
export interface OriginalMark {
  /** Sizes and times of the files; while they are the same nothing else is looked at by those who only read. */
  readonly files: string;
  readonly roster_bytes: number;
  readonly roster_sha256: string;
  readonly messages: number;
  /** The row written last, and which message it is. */
  readonly last_row: number;
  readonly last_id: string;
  /** Over all ids, ascending. */
  readonly ids_sha256: string;
  /** Over authors, numbers and counters of the ads. */
  readonly ads_sha256: string;
  /** Of the file with every group's policy, and of this group's metadata; empty where there are none. */
  readonly policy_sha256: string;
  readonly metadata_sha256: string;
  /** The roster was none that ours could go on with; absent where it was. */
  readonly roster_differs?: boolean;
}

/** What is kept of the last reading; `undefined` when there was none, or by a version that kept nothing. */
export function keptMark(store: Pick<GroupStore, "getFact">): Partial<OriginalMark> | undefined {
  const text = store.getFact(MARK_FACT);
  if (text === undefined) return undefined;
  try {
    const mark: unknown = JSON.parse(text);
    return typeof mark === "object" && mark !== null ? (mark as Partial<OriginalMark>) : undefined;
  } catch {
    return undefined;
  }
}

export function keepMark(store: Pick<GroupStore, "setFact">, mark: OriginalMark): void {
  store.setFact(MARK_FACT, JSON.stringify(mark));
}

/** Whether both tell of the same content, wherever the files were copied meanwhile. */
export function sameContent(kept: Partial<OriginalMark> | undefined, now: OriginalMark): boolean {
  if (kept === undefined) return false;
  const { files: _, ...content } = now;
  return Object.entries(content).every(([key, value]) => kept[key as keyof OriginalMark] === value);
}

/** The files the mark is about, as the system tells of them: costs a few calls whatever is in them. */
export function filesSeen(root: string, directory: string): string {
  const messages = join(directory, ORIGINAL_MESSAGES);
  const metadata = join(root, METADATA_DATABASE);
  const paths = [join(directory, ORIGINAL_ROSTER), join(root, POLICY_FILE)];
  for (const database of [messages, metadata]) paths.push(database, `${database}-wal`);
  const seen = paths.map((path) => {
    const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
    // A log that holds nothing is as good as none.
    return stat === undefined || stat.size === 0n ? "-" : `${stat.size}:${stat.mtimeNs}`;
  });
  return seen.join(" ");
}

export interface Marking {
  readonly root: string;
  readonly directory: string;
  readonly groupId: GroupId;
  readonly open: (path: string) => OriginalDatabase | undefined;
  readonly roster: Uint8Array;
  readonly database: OriginalDatabase | undefined;
}

/** Reads every id and no body. */
export function markOf({ root, directory, groupId, open, roster, database }: Marking): OriginalMark {
  const files = filesSeen(root, directory);
  const ids = new Bun.CryptoHasher("sha256");
  let messages = 0;
  let [last_row, last_id] = [0, ""];
  if (database?.has("messages")) {
    for (const { message_id } of database.each("SELECT message_id FROM messages ORDER BY message_id")) {
      messages += 1;
      ids.update(message_id instanceof Uint8Array ? message_id : String(message_id));
    }
    const [[row, id] = []] = database.rows("SELECT rowid, message_id FROM messages ORDER BY rowid DESC LIMIT 1");
    if (typeof row === "number") last_row = row;
    if (id instanceof Uint8Array) last_id = id.toHex();
  }
  return {
    files,
    roster_bytes: roster.length,
    roster_sha256: sha256(roster),
    messages,
    last_row,
    last_id,
    ids_sha256: ids.digest("hex"),
    ads_sha256: adsHash(database),
    policy_sha256: policyHash(join(root, POLICY_FILE)),
    metadata_sha256: metadataHash(open, join(root, METADATA_DATABASE), groupId),
  };
}

/** Of what is too large nothing is taken over. */
function policyHash(path: string): string {
  const bytes = isFile(path) ? readAtMost(path, POLICY_FILE_BYTES_MAX) : undefined;
  return bytes === undefined ? "" : sha256(bytes);
}

function adsHash(database: OriginalDatabase | undefined): string {
  const hash = new Bun.CryptoHasher("sha256");
  for (const table of ["transport_ads", "member_profile_ads", "transport_ad_seqs", "member_profile_ad_seqs"]) {
    if (!database?.has(table)) continue;
    const sql = `SELECT author_node_id, CAST(seq AS TEXT) FROM ${table} ORDER BY author_node_id`;
    hash.update(`${table} ${JSON.stringify(database.rows(sql))}\n`);
  }
  return hash.digest("hex");
}

/** Nothing of it is worth refusing the group for: what cannot be read is none. */
function metadataHash(open: Marking["open"], path: string, groupId: GroupId): string {
  try {
    using database = open(path);
    if (!database?.has("esp_group_metadata")) return "";
    const sql = "SELECT CAST(metadata AS TEXT) FROM esp_group_metadata WHERE group_id = ?1";
    const text = database.rows(sql, GroupId.toBytes(groupId))[0]?.[0];
    return typeof text === "string" ? sha256(text) : "";
  } catch {
    return "";
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function sha256(data: string | Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(data).digest("hex");
}
