import type { UnixMs } from "../core/clock.ts";
import { EntmootError } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import { parsePolicy, policySummary } from "../core/policy/policy.ts";
import type { DirectoryRow } from "../store/esp-store.ts";
import { badRequest } from "./http-failure.ts";
import type { ServiceContext } from "./route.ts";

/** Ours. Rows and bytes of descriptors that one question looks at: some milliseconds. */
const LOOKED_AT_MAX = { rows: 1_000, bytes: 2 * 1024 * 1024 };

/** A moot of the directory, with what its descriptor says of it; that was verified when it came. */
export interface DirectoryMoot {
  readonly row: DirectoryRow;
  /** As it is told. */
  readonly json: string;
  readonly name: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly joinMode: string;
  readonly openInvite: { readonly issuer_url: string; readonly token: string; readonly link: string };
  readonly founder: number;
  /** 0: never. */
  readonly expiresMs: number;
  readonly policySummary: string;
}

/** `undefined` for a row without a descriptor, or with one that is none. */
export function mootOf(row: DirectoryRow): DirectoryMoot | undefined {
  if (row.descriptor === undefined) return undefined;
  const json = new TextDecoder().decode(row.descriptor);
  const said = objectIn(json);
  if (said === undefined) return undefined;
  const openInvite = objectOf(said.open_invite);
  return {
    row,
    json,
    name: textOf(said.name),
    description: textOf(said.description),
    tags: Array.isArray(said.tags) ? said.tags.map(textOf) : [],
    joinMode: textOf(said.join_mode),
    openInvite: {
      issuer_url: textOf(openInvite.issuer_url),
      token: textOf(openInvite.token),
      link: textOf(openInvite.link),
    },
    founder: numberOf(objectOf(said.founder).pilot_node_id),
    expiresMs: numberOf(said.expires_at_ms),
    policySummary: summaryOf(said.policy),
  };
}

/** Whether it is shown to everybody just now. */
export function isShown({ expiresMs, row }: DirectoryMoot, nowMs: UnixMs): boolean {
  return row.status === "listed" && !(expiresMs > 0 && expiresMs <= nowMs);
}

export interface DirectoryPage {
  readonly moots: readonly DirectoryMoot[];
  /** Where older ones begin; `undefined` at the end. */
  readonly next: string | undefined;
}

/** Those shown just now, newest first. `query`: words that all stand in name, description, tags or id. Throws 400. */
export function directoryPage(
  { clock, esp }: Pick<ServiceContext, "clock" | "esp">,
  { cursor, limit, query }: { readonly cursor: string; readonly limit: number; readonly query: string },
): DirectoryPage {
  const nowMs = clock.unix();
  const words = folded(query).split(/\s+/).filter(Boolean);
  const below = cursor === "" ? undefined : parseCursor(cursor);
  const { bytes, rows: rowsMax } = LOOKED_AT_MAX;
  const rows = esp.directory.listed({ limit: rowsMax, bytesMax: bytes, below });
  const moots: DirectoryMoot[] = [];
  let last: DirectoryRow | undefined;
  for (const row of rows) {
    if (moots.length === limit) break;
    last = row;
    const moot = mootOf(row);
    if (moot !== undefined && isShown(moot, nowMs) && isFound(moot, words)) moots.push(moot);
  }
  const isMore = last !== undefined && esp.directory.listed({ limit: 1, bytesMax: 0, below: last }).length > 0;
  return { moots, next: isMore ? formatCursor(last!) : undefined };
}

function isFound({ description, name, row, tags }: DirectoryMoot, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = folded([name, description, ...tags, GroupId.toBase64(row.groupId)].join("\n"));
  return words.every((word) => text.includes(word));
}

/** Accents stay: who leaves them out looks for another word. */
function folded(text: string): string {
  return text.normalize("NFKC").toLowerCase();
}

function formatCursor({ row, updatedMs }: DirectoryRow): string {
  return Buffer.from(`${updatedMs} ${row}`).toString("base64url");
}

function parseCursor(cursor: string): Pick<DirectoryRow, "updatedMs" | "row"> {
  const [, updatedMs, row] = /^(\d{1,16}) (\d{1,16})$/.exec(Buffer.from(cursor, "base64url").toString("latin1")) ?? [];
  if (updatedMs === undefined) throw badRequest("cursor: expected the next_cursor of an answer");
  return { updatedMs: Number(updatedMs), row: Number(row) };
}

function objectIn(json: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const numberOf = (value: unknown): number => (typeof value === "number" && Number.isSafeInteger(value) ? value : 0);

function summaryOf(policy: unknown): string {
  try {
    return policySummary(parsePolicy(JSON.stringify(policy ?? null)));
  } catch (error) {
    if (error instanceof EntmootError) return "";
    throw error;
  }
}
