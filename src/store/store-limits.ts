import { sizeText } from "../core/amounts.ts";
import { EntmootError } from "../core/errors.ts";
import { MessageId } from "../core/ids.ts";
import type { NewMessage } from "./group-store.ts";

/** Wire. No frame is larger, so no message or roster entry can be. */
export const RECORD_BYTES_MAX = 16 * 1024 * 1024;
/** Ours. Consumers of one group: programs that follow it, each with a cursor. */
export const CONSUMERS_MAX = 1024;
/** Ours. Names of consumers, lease owners, facts and settings. */
const NAME_BYTES_MAX = 512;
/** Ours. A fact or setting is a small JSON text; group metadata is the largest. */
export const FACT_BYTES_MAX = 1024 * 1024;
/** Ours. Messages that one piece of a query looks at, and bytes of them that it reads: a few milliseconds' work. */
export const QUERY_PLACES = 1024;
export const QUERY_BYTES = 256 * 1024;
/** Ours. Links one node keeps, of all its groups. */
export const LINKS_MAX = 10_000;
/** Ours. Peers whose whereabouts are remembered; the ones unheard of for longest go first. */
const HINT_PEERS_MAX = 4096;
/** How much one node store keeps of what strangers can make it grow. */
export interface NodeStoreLimits {
  readonly links: number;
  readonly hintPeers: number;
}
export const NODE_STORE_LIMITS: NodeStoreLimits = { links: LINKS_MAX, hintPeers: HINT_PEERS_MAX };
/** Ours. Addresses remembered per peer, newest first. */
export const HINTS_PER_PEER_MAX = 8;
/** Ours. One address: `<carrier>:<hex key>@<relay URL>` with room to spare. */
export const HINT_BYTES_MAX = 512;
/** Ours. A signed peer hint object with every address it may hold. */
export const SIGNED_HINT_BYTES_MAX = 8192;

const UINT32_MAX = 0xffffffff;
export const INT64_MIN = -(2n ** 63n);
export const INT64_MAX = 2n ** 63n - 1n;

/** Throws `invalid_argument` unless every field of `message` can be kept. */
export function checkNewMessage(message: NewMessage): void {
  const { id, author_node_id, timestamp, canonical } = message;
  if (id === MessageId.zero) refuse("message id", "one that is not zero", "zero");
  if (!Number.isInteger(author_node_id) || author_node_id < 0 || author_node_id > UINT32_MAX) {
    refuse(`message ${id}: author`, "a uint32", author_node_id);
  }
  if (timestamp < INT64_MIN || timestamp > INT64_MAX) refuse(`message ${id}: timestamp`, "an int64", timestamp);
  if (canonical.length === 0 || canonical.length > RECORD_BYTES_MAX) {
    refuse(`message ${id}: canonical form`, `1 byte to ${sizeText(RECORD_BYTES_MAX)}`, sizeText(canonical.length));
  }
}

/** Throws `invalid_argument` unless `limit` is a whole number of at least 1. */
export function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) refuse("limit", "a whole number of at least 1", limit);
}

/** Throws `invalid_argument` unless `name` is a text of 1 to 512 bytes. */
export function checkName(what: string, name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > NAME_BYTES_MAX) refuse(what, `1 byte to ${sizeText(NAME_BYTES_MAX)}`, sizeText(bytes));
}

/** Throws `invalid_argument` when a fact's text is over 1 MiB. */
export function checkFact(name: string, value: string | undefined): void {
  checkName("name", name);
  const bytes = value === undefined ? 0 : Buffer.byteLength(value);
  if (bytes > FACT_BYTES_MAX) refuse(name, `at most ${sizeText(FACT_BYTES_MAX)}`, sizeText(bytes));
}

/** Throws `invalid_argument` unless `ms` is a whole number of milliseconds from 0 to 2^53 - 1. */
export function checkMs(what: string, ms: number): void {
  if (!Number.isSafeInteger(ms) || ms < 0) refuse(what, "whole milliseconds", ms);
}

/** One past the greater of both. Throws `invalid_argument` at 2^63, which peers of the original cannot store. */
export function nextAdSeq(stored: bigint, atLeast: bigint): bigint {
  const next = (stored > atLeast ? stored : atLeast) + 1n;
  if (next <= INT64_MAX) return next;
  throw new EntmootError("invalid_argument", `ad sequence number: expected less than 2^63, found ${next}`);
}

function refuse(subject: string, expected: string, found: unknown): never {
  throw new EntmootError("invalid_argument", `${subject}: expected ${expected}, found ${found}`);
}
