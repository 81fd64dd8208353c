import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { sizeText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { formatPolicy } from "../../core/policy/policy.ts";
import { POLICY_FILE_BYTES_MAX, parsePolicyFile } from "../../core/policy/policy-file.ts";
import { trustedPath } from "../../files/trusted-path.ts";
import type { GroupStore } from "../group-store.ts";
import { FACT_BYTES_MAX } from "../store-limits.ts";
import type { OriginalDatabase } from "./original-database.ts";

/** Below the data root. */
export const POLICY_FILE = join("policies", "group-policies.json");
export const METADATA_DATABASE = "esp.sqlite";

interface Taking {
  /** The data root. */
  readonly root: string;
  readonly open: (path: string) => OriginalDatabase | undefined;
  readonly store: GroupStore;
}

/**
 * Takes what the original keeps of a group outside its directory and this program keeps elsewhere: policy and display
 * metadata. None of it is worth refusing the group for; gives a line for people about each thing left out.
 */
export function copySideFiles(taking: Taking): string[] {
  const notices: string[] = [];
  for (const copy of [copyPolicy, copyMetadata]) {
    try {
      notices.push(...copy(taking));
    } catch (error) {
      if (!(error instanceof EntmootError) || error.code === "disk_full") throw error;
      notices.push(`not taken over: ${error.message}`);
    }
  }
  return notices;
}

function copyPolicy({ root, store }: Taking): string[] {
  const path = join(root, POLICY_FILE);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isFile()) return [];
  if (stat.size > POLICY_FILE_BYTES_MAX) {
    throw new EntmootError(
      "data_root_invalid",
      `${path}: expected at most ${sizeText(POLICY_FILE_BYTES_MAX)}, found ${sizeText(stat.size)}`,
    );
  }
  const { policies, faults, sequences } = withPath(path, () => parsePolicyFile(readFileSync(trustedPath(path))));
  const policy = policies.get(store.groupId);
  if (policy) store.setFact("policy", formatPolicy(policy));
  // It is that of the founder's last update; which one there was before the first nobody can know.
  if (sequences.has(store.groupId)) store.setFact("policy_first", "");
  return faults
    .filter(({ groupId }) => groupId === store.groupId)
    .map(({ reason }) => `not taken over: ${path}: ${reason}`);
}

function copyMetadata({ root, open, store }: Taking): string[] {
  const path = join(root, METADATA_DATABASE);
  using database = open(path);
  if (!database?.has("esp_group_metadata")) return [];
  const sql = "SELECT CAST(metadata AS TEXT) FROM esp_group_metadata WHERE group_id = ?1";
  const text = database.rows(sql, GroupId.toBytes(store.groupId))[0]?.[0];
  if (text === undefined) return [];
  if (typeof text !== "string" || Buffer.byteLength(text) > FACT_BYTES_MAX || !isObject(text)) {
    return [
      `not taken over: ${path}: metadata of the group: expected a JSON object of at most ${sizeText(FACT_BYTES_MAX)}`,
    ];
  }
  store.setFact("metadata", text);
  return [];
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
