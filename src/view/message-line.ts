import { GroupId, MessageId } from "../core/ids.ts";
import type { MessageRow } from "../node/operations/messages.ts";

/** A message as `tail` and `query` print it. Keys ascending. */
export interface MessageLine {
  /** Its author had been removed when it came: it is in no log, and nobody is told of it as new. */
  readonly apart?: "removed";
  /** When it came, where its own date lay more than five minutes ahead then: by time it stands there. */
  readonly arrived_ms?: unknown;
  readonly author: number;
  /** What a node id only names: base64 of 32 bytes. */
  readonly author_pubkey: string;
  /** What is not UTF-8 in it reads as U+FFFD; `content_b64` then has the bytes. */
  readonly content: string;
  readonly content_b64?: string;
  readonly group_id: string;
  readonly message_id: string;
  /** To go on after it; absent where the daemon is an original, which has no places. */
  readonly place?: string;
  readonly seq?: number;
  readonly timestamp_ms: unknown;
  readonly topic: readonly string[];
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

/** The line for a message, ready for `printJson`. */
export function messageLine({ apart, arrived_ms, group_id, message, place, seq }: MessageRow): MessageLine {
  return {
    ...(apart === undefined ? {} : { apart }),
    ...(arrived_ms === undefined ? {} : { arrived_ms: jsonInteger(arrived_ms) }),
    author: message.author.pilot_node_id,
    author_pubkey: message.author.entmoot_pubkey?.toBase64() ?? "",
    ...textOrBytes(message.content),
    group_id: GroupId.toBase64(group_id),
    message_id: MessageId.toBase64(message.id),
    ...(place === "" ? {} : { place, seq }),
    timestamp_ms: jsonInteger(message.timestamp),
    topic: message.topics,
  };
}

/** `content` as text, and as base64 too where the text is not all of it. */
export function textOrBytes(content: Uint8Array): { content: string; content_b64?: string } {
  try {
    return { content: STRICT.decode(content) };
  } catch {
    return { content: LOSSY.decode(content), content_b64: content.toBase64() };
  }
}

/** Part of the runtime; the compiler's library does not list it yet. */
interface RawJson {
  rawJSON(text: string): unknown;
}

/** A 64-bit integer for `JSON.stringify`: exact at any size. */
export function jsonInteger(value: bigint): unknown {
  return Number.isSafeInteger(Number(value)) ? Number(value) : jsonNumber(String(value));
}

/** A number for `JSON.stringify` that stands there as `source` writes it, which is a number in JSON. */
export function jsonNumber(source: string): unknown {
  return (JSON as unknown as RawJson).rawJSON(source);
}
