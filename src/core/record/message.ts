import { sha256Hex } from "../bytes/sha256.ts";
import { decodeUtf8, encodeUtf8 } from "../bytes/utf8.ts";
import { GroupId, MessageId } from "../ids.ts";
import { decodeJson } from "../json/json-codec.ts";
import { jsonStrings } from "../json/json-text.ts";
import { sign, verifySignature } from "../signature.ts";
import { message as messageCodec } from "./record-codecs.ts";
import type { Message, NodeInfo } from "./records.ts";

/*
 * The codec in record-codecs.ts says what a message is; what follows writes and reads the same
 * bytes several times faster, because every message of a group passes here. Properties in the
 * tests hold the two equal.
 */

/** Everything an author decides; `id` and `signature` follow from it. */
export type MessageFields = Omit<Message, "id" | "signature">;

/** The bytes of a message that others work on: one pass makes both. */
interface MessageForms {
  /** What is hashed to the id and covered by the signature. */
  readonly signing: Uint8Array<ArrayBuffer>;
  /** What is stored and served: the whole message with `id` and `signature`. */
  readonly canonical: Uint8Array<ArrayBuffer>;
}

/**
 * The message in `input`, in wire or canonical form or any other JSON text the network's readers
 * take. Nothing is verified. Throws `malformed_frame`.
 */
export function decodeMessage(input: Uint8Array | string): Message {
  const text = typeof input === "string" ? input : decodeUtf8(input);
  return decodePlain(text) ?? decodeJson(messageCodec, text);
}

/**
 * A message from its canonical form as it was kept, which was sound when it was stored: for half of what it costs to see that
 * it writes back to the same bytes. Bytes that are no message throw `malformed_frame`.
 */
export function decodeStored(canonical: Uint8Array): Message {
  const text = decodeUtf8(canonical);
  return (text.startsWith(CANONICAL_START) ? parsePlain(text) : undefined) ?? decodeMessage(text);
}

/** What readers are shown of a message. */
export type Spoken = Pick<Message, "timestamp" | "topics" | "content"> & { readonly nodeId: number };

/**
 * What a message says, read from its canonical form as it was kept: a fifth of what all of it costs. Bytes that are no such
 * form throw `malformed_frame`, as far as that shows in what is read.
 */
export function decodeSpoken(canonical: Uint8Array): Spoken {
  const text = decodeUtf8(canonical);
  if (text.startsWith(CANONICAL_START) && text.length <= PLAIN_TEXT_MAX) {
    try {
      const spoken = cutSpoken(text) ?? (isBusy(text) ? undefined : spokenOf(JSON.parse(text)));
      if (spoken !== undefined) return spoken;
    } catch {
      // The strict reader tells what is wrong, or reads what the built-in one does not: a time past 2^53.
    }
  }
  const { author, content, timestamp, topics } = decodeMessage(text);
  return { nodeId: author.pilot_node_id, content, timestamp, topics };
}

/** As `decodeMessage`, with both forms: for input in canonical form this costs hardly more than decoding alone. */
export function decodeMessageForms(input: Uint8Array): { readonly message: Message } & MessageForms {
  const text = decodeUtf8(input);
  const message = parsePlain(text);
  if (message !== undefined) {
    const pieces = piecesOf(message);
    const canonical = joinCanonical(pieces, message);
    // Encoded again and not `input` itself, which may have held broken UTF-8 and is a part of a larger frame.
    if (canonical === text) {
      return { message, signing: encodeUtf8(joinSigning(pieces)), canonical: encodeUtf8(canonical) };
    }
  }
  const decoded = decodeMessage(text);
  return { message: decoded, ...messageForms(decoded) };
}

/** The bytes that are hashed and signed: `id` zero, no `signature`. */
export function messageSigningForm(message: MessageFields): Uint8Array<ArrayBuffer> {
  return encodeUtf8(signingText(message));
}

/** The bytes that are stored and served. */
export function messageCanonical(message: Message): Uint8Array<ArrayBuffer> {
  return encodeUtf8(canonicalText(message));
}

/** Both forms of one message. */
export function messageForms(message: Message): MessageForms {
  const pieces = piecesOf(message);
  return { signing: encodeUtf8(joinSigning(pieces)), canonical: encodeUtf8(joinCanonical(pieces, message)) };
}

/** SHA-256 of the signing form, whatever `id` the message carries. */
export function messageId(message: MessageFields): MessageId {
  return messageIdOf(signingText(message));
}

/** The id that belongs to a signing form. */
export function messageIdOf(signingForm: Uint8Array | string): MessageId {
  return MessageId.fromHex(sha256Hex(signingForm));
}

/**
 * The message with its id and the signature of `seed`. The caller sees to it that the author's key
 * is the seed's. Throws `invalid_argument` on a seed of the wrong length.
 */
export function signMessage({ seed, ...fields }: MessageFields & { readonly seed: Uint8Array }): Message {
  const signing = messageSigningForm(fields);
  return { ...fields, id: messageIdOf(signing), signature: sign(seed, signing) };
}

/**
 * True when the message is signed by `key` and `id` is its hash. `key` is the roster's for the
 * author, never the one inside the message. Never throws.
 */
export function verifyMessage(message: Message, key: Uint8Array | null): boolean {
  const signing = messageSigningForm(message);
  return messageIdOf(signing) === message.id && verifySignature(key, signing, message.signature);
}

/** The canonical text in order, cut where the id and the signature go. */
interface CanonicalPieces {
  readonly beforeId: string;
  readonly afterId: string;
  readonly tail: string;
}

/**
 * Ours. Longer texts are read by the strict reader alone, which ignores what it does not know; the
 * built-in parser would build it all in memory first.
 */
const PLAIN_TEXT_MAX = 64 * 1024;

const STRICT_BASE64 = { alphabet: "base64", lastChunkHandling: "strict" } as const;
const CANONICAL_START = '{"author":';

const ZERO_ID = MessageId.toBase64(MessageId.zero);

function signingText(message: MessageFields): string {
  return joinSigning(piecesOf(message));
}

function canonicalText(message: Message): string {
  return joinCanonical(piecesOf(message), message);
}

function joinSigning({ beforeId, afterId, tail }: CanonicalPieces): string {
  return beforeId + ZERO_ID + afterId + tail;
}

function joinCanonical({ beforeId, afterId, tail }: CanonicalPieces, { id, signature }: Message): string {
  const signed = signature.length === 0 ? "" : `,"signature":"${signature.toBase64()}"`;
  return beforeId + MessageId.toBase64(id) + afterId + signed + tail;
}

function piecesOf(message: MessageFields): CanonicalPieces {
  const { author, content, parents, references, topics } = message;
  let beforeId = `{"author":{"entmoot_pubkey":${keyText(author)},"pilot_node_id":${author.pilot_node_id}}`;
  if (content.length > 0) beforeId += `,"content":"${content.toBase64()}"`;
  beforeId += `,"group_id":"${GroupId.toBase64(message.group_id)}","id":"`;
  let afterId = '"';
  if (parents.length > 0) afterId += `,"parents":${idsText(parents)}`;
  if (references.length > 0) afterId += `,"references":${idsText(references)}`;
  let tail = `,"timestamp":${message.timestamp}`;
  if (topics.length > 0) tail += `,"topics":${jsonStrings(topics, "canonical")}`;
  return { beforeId, afterId, tail: `${tail}}` };
}

function wireText(message: Message): string {
  const { author, content, parents, references, signature, topics } = message;
  let text = `{"id":"${MessageId.toBase64(message.id)}","group_id":"${GroupId.toBase64(message.group_id)}"`;
  text += `,"author":{"pilot_node_id":${author.pilot_node_id},"entmoot_pubkey":${keyText(author)}}`;
  text += `,"timestamp":${message.timestamp}`;
  if (topics.length > 0) text += `,"topics":${jsonStrings(topics, "wire")}`;
  if (parents.length > 0) text += `,"parents":${idsText(parents)}`;
  if (content.length > 0) text += `,"content":"${content.toBase64()}"`;
  if (references.length > 0) text += `,"references":${idsText(references)}`;
  if (signature.length > 0) text += `,"signature":"${signature.toBase64()}"`;
  return `${text}}`;
}

function keyText({ entmoot_pubkey: key }: NodeInfo): string {
  return key === null ? "null" : `"${key.toBase64()}"`;
}

function idsText(ids: readonly MessageId[]): string {
  let text = `["${MessageId.toBase64(ids[0]!)}"`;
  for (let i = 1; i < ids.length; i++) text += `,"${MessageId.toBase64(ids[i]!)}"`;
  return `${text}]`;
}

/**
 * The message in `text` if it is exactly the wire or the canonical form of one, which is what
 * peers send and stores hold. The built-in parser is safe for these: a value that writes back to
 * the very text it was read from lost nothing in between. Anything else is `undefined`.
 */
function decodePlain(text: string): Message | undefined {
  const message = parsePlain(text);
  if (message === undefined) return undefined;
  const again = text.startsWith(CANONICAL_START) ? canonicalText(message) : wireText(message);
  return again === text ? message : undefined;
}

/** What the built-in parser makes of `text`, which counts only when it writes back to the same text. */
function parsePlain(text: string): Message | undefined {
  if (text.length > PLAIN_TEXT_MAX || isBusy(text)) return undefined;
  try {
    return fromParsed(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * True when the text has more keys and lists than a message, or speaks of as many in its topics: then it is most likely
 * none, and the built-in parser would build an object of thousands of keys for nothing.
 */
function isBusy(text: string): boolean {
  let keys = 0;
  for (let at = text.indexOf('":'); at >= 0; at = text.indexOf('":', at + 2)) if (++keys > MARKS_MAX) return true;
  let lists = 0;
  for (let at = text.indexOf("["); at >= 0; at = text.indexOf("[", at + 1)) if (++lists > MARKS_MAX) return true;
  return false;
}

/** Ours. A message has eleven keys and three lists. */
const MARKS_MAX = 16;

type Parsed = { readonly [Key in keyof Message]?: unknown };

/** Throws, on anything, when the parsed value does not have a message's types. */
function fromParsed(parsed: Parsed): Message {
  const author = parsed.author as { readonly [Key in keyof NodeInfo]?: unknown };
  const key = author.entmoot_pubkey;
  return {
    id: readId(parsed.id, MessageId),
    group_id: readId(parsed.group_id, GroupId),
    author: {
      pilot_node_id: readNodeId(author.pilot_node_id),
      entmoot_pubkey: key === null ? null : readBytes(key),
    },
    timestamp: readTimestamp(parsed.timestamp),
    topics: readList(parsed.topics, readText),
    parents: readList(parsed.parents, readMessageId),
    content: parsed.content === undefined ? new Uint8Array(0) : readBytes(parsed.content),
    references: readList(parsed.references, readMessageId),
    signature: parsed.signature === undefined ? new Uint8Array(0) : readBytes(parsed.signature),
  };
}

/**
 * A message as nearly all are: in canonical form, with no escapes in its topics and few of them. Nothing of it means anything
 * else to a reader of JSON.
 */
const USUAL =
  /^\{"author":\{"entmoot_pubkey":"[A-Za-z0-9+/=]*","pilot_node_id":(\d{1,10})\},(?:"content":"([A-Za-z0-9+/]*={0,2})",)?"group_id":"[A-Za-z0-9+/=]*","id":"[A-Za-z0-9+/=]*",(?:"parents":\["[A-Za-z0-9+/=",]*"\],)?(?:"references":\["[A-Za-z0-9+/=",]*"\],)?"signature":"[A-Za-z0-9+/=]*","timestamp":(\d{1,15})(?:,"topics":(\["[^"\\]{0,256}"(?:,"[^"\\]{0,256}"){0,15}\]))?\}$/;

/** `undefined`: it is none of the usual ones. Throws for bytes that are none. */
function cutSpoken(text: string): Spoken | undefined {
  const [, nodeId, content = "", timestamp, topics] = USUAL.exec(text) ?? [];
  if (timestamp === undefined) return undefined;
  return {
    nodeId: readNodeId(Number(nodeId)),
    timestamp: BigInt(timestamp),
    topics: topics === undefined ? [] : JSON.parse(topics),
    content: readBytes(content),
  };
}

function spokenOf(parsed: Parsed): Spoken {
  return {
    nodeId: readNodeId((parsed.author as { readonly pilot_node_id?: unknown }).pilot_node_id),
    timestamp: readTimestamp(parsed.timestamp),
    topics: readList(parsed.topics, readText),
    content: parsed.content === undefined ? new Uint8Array(0) : readBytes(parsed.content),
  };
}

function readId<T>(value: unknown, kind: { fromBytes(bytes: Uint8Array): T }): T {
  return kind.fromBytes(readBytes(value));
}

function readMessageId(value: unknown): MessageId {
  return MessageId.fromBytes(readBytes(value));
}

function readBytes(value: unknown): Uint8Array {
  return Uint8Array.fromBase64(readText(value), STRICT_BASE64);
}

function readText(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("not a string");
  return value;
}

function readNodeId(value: unknown): number {
  if (typeof value !== "number" || value >>> 0 !== value) throw new TypeError("not a uint32");
  return value;
}

/** Past 2^53 the parser has rounded; those go the slow way. */
function readTimestamp(value: unknown): bigint {
  if (!Number.isSafeInteger(value)) throw new TypeError("not a safe integer");
  return BigInt(value as number);
}

function readList<T>(value: unknown, read: (element: unknown) => T): T[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new TypeError("not a list");
  return value.map((element) => read(element));
}
