import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { formatPolicy } from "../../core/policy/policy.ts";
import { POLICY_FILE_BYTES_MAX, parsePolicyFile } from "../../core/policy/policy-file.ts";
import { decodeMessage } from "../../core/record/message.ts";
import { trustedPath } from "../../files/trusted-path.ts";
import type { GroupStore } from "../group-store.ts";
import type { SqlValue } from "../sqlite/sqlite-file.ts";
import { CONSUMERS_MAX, FACT_BYTES_MAX } from "../store-limits.ts";
import type { OriginalDatabase } from "./original-database.ts";

/** Below the data root. */
export const POLICY_FILE = join("policies", "group-policies.json");
export const METADATA_DATABASE = "esp.sqlite";
export const MAILBOX_DATABASE = "mailbox.sqlite";

/** What a mailbox's reader is called among the consumers. */
export function mailboxConsumer(clientId: string): string {
  return `mailbox:${clientId}`;
}

interface SideFileTakeover {
  /** The data root. */
  readonly root: string;
  readonly open: (path: string) => OriginalDatabase | undefined;
  readonly store: GroupStore;
}

/**
 * Takes what the original keeps of a group outside its directory: policy, display metadata, mailbox cursors.
 * None of it is worth refusing the group for; gives a line for people about each thing left out.
 */
export function copySideFiles(taking: SideFileTakeover): string[] {
  const notices: string[] = [];
  for (const copy of [copyPolicy, copyMetadata, copyCursors]) {
    try {
      notices.push(...copy(taking));
    } catch (error) {
      if (!(error instanceof EntmootError) || error.code === "disk_full") throw error;
      notices.push(`not taken over: ${error.message}`);
    }
  }
  return notices;
}

function copyPolicy({ root, store }: SideFileTakeover): string[] {
  const path = join(root, POLICY_FILE);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return [];
  if (stat.size > POLICY_FILE_BYTES_MAX) {
    throw new EntmootError(
      "data_root_invalid",
      `${path}: expected at most ${POLICY_FILE_BYTES_MAX} bytes, found ${stat.size}`,
    );
  }
  const { policies, faults } = withPath(path, () => parsePolicyFile(readFileSync(trustedPath(path))));
  const policy = policies.get(store.groupId);
  if (policy) store.setFact("policy", formatPolicy(policy));
  return faults
    .filter(({ groupId }) => groupId === store.groupId)
    .map(({ reason }) => `not taken over: ${path}: ${reason}`);
}

function copyMetadata({ root, open, store }: SideFileTakeover): string[] {
  const path = join(root, METADATA_DATABASE);
  using database = open(path);
  if (!database?.has("esp_group_metadata")) return [];
  const sql = "SELECT CAST(metadata AS TEXT) FROM esp_group_metadata WHERE group_id = ?1";
  const text = database.rows(sql, GroupId.toBytes(store.groupId))[0]?.[0];
  if (text === undefined) return [];
  if (typeof text !== "string" || Buffer.byteLength(text) > FACT_BYTES_MAX || !isObject(text)) {
    return [
      `not taken over: ${path}: metadata of the group: expected a JSON object of at most ${FACT_BYTES_MAX} bytes`,
    ];
  }
  store.setFact("metadata", text);
  return [];
}

function copyCursors({ root, open, store }: SideFileTakeover): string[] {
  const path = join(root, MAILBOX_DATABASE);
  using database = open(path);
  if (!database?.has("mailbox_cursors")) return [];
  const sql = `SELECT client_id, message_id, CAST(timestamp_ms AS TEXT) FROM mailbox_cursors WHERE group_id = ?1
    ORDER BY updated_at_ms DESC LIMIT ${CONSUMERS_MAX + 1}`;
  const rows = database.rows(sql, GroupId.toBytes(store.groupId));
  const notices: string[] = [];
  for (const [client, id, timestamp] of rows.slice(0, CONSUMERS_MAX)) {
    if (typeof client !== "string" || !(id instanceof Uint8Array) || id.length !== 32 || !isInteger(timestamp)) {
      notices.push(`not taken over: ${path}: cursor of ${JSON.stringify(client)}: damaged`);
      continue;
    }
    store.consumers.advance(mailboxConsumer(client), seqOf(store, MessageId.fromBytes(id), BigInt(timestamp)));
  }
  if (rows.length > CONSUMERS_MAX) notices.push(`not taken over: ${path}: cursors beyond the ${CONSUMERS_MAX} latest`);
  return notices;
}

/**
 * The place in the delivery log of a cursor of the original: that of its message, or, when it is gone, the
 * end of the leading run that is not newer. The log was filled in the order the original reads in.
 */
function seqOf(store: GroupStore, id: MessageId, timestamp: bigint): number {
  const message = store.messages.get(id);
  if (message) return message.seq;
  let seq = 0;
  for (;;) {
    const page = store.messages.arrivedAfter(seq, PAGE);
    for (const { seq: next, canonical } of page) {
      if (decodeMessage(canonical).timestamp > timestamp) return seq;
      seq = next;
    }
    if (page.length < PAGE) return seq;
  }
}

const PAGE = 256;

function isInteger(value: SqlValue | undefined): value is string {
  return typeof value === "string" && /^-?[0-9]{1,19}$/.test(value);
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function withPath<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof EntmootError)
      throw new EntmootError(error.code, `${path}: ${error.message}`, { cause: error });
    throw error;
  }
}
