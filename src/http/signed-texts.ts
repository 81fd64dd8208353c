import { concat } from "../core/bytes/byte-strings.ts";
import { sha256 } from "../core/bytes/sha256.ts";
import { decodeUtf8, encodeUtf8 } from "../core/bytes/utf8.ts";
import { GroupId, MessageId } from "../core/ids.ts";
import { canonicalJson } from "../core/json/canonical-json.ts";
import { type Decoded, decodeJson, encodeWire, optional, struct } from "../core/json/json-codec.ts";
import { bytes, messageId, omittedBytes, text, u32 } from "../core/json/json-scalars.ts";
import type { MessageFields } from "../core/record/message.ts";
import { message } from "../core/record/record-codecs.ts";
import type { Message, NodeInfo } from "../core/record/records.ts";
import { plainList } from "../wire/frame/bounded.ts";
import { badRequest } from "./http-failure.ts";

/** Wire. What a signature under each kind of sign request covers. */
export const MESSAGE_TYPE = "entmoot.message.v1";
export const OPERATION_TYPE = "entmoot.esp.operation.v1";

const FOUNDING_DOMAIN = encodeUtf8("entmoot.esp.group_create.v1");
const NUL = new Uint8Array(1);
/** Ours. More than any message holds. */
const ROWS_MAX = 100_000;

/** What a device signs to have an operation carried out. */
export interface OperationText {
  readonly id: string;
  readonly kind: string;
  /** `GroupId.zero` where it is about none. */
  readonly group: GroupId;
  /** JSON. */
  readonly payload: string;
  readonly createdMs: number;
  /** 0: never. */
  readonly expiresMs: number;
}

/** Wire. Throws `malformed_frame` where the payload is no JSON. */
export function operationSigningForm(request: OperationText): Uint8Array<ArrayBuffer> {
  const { createdMs, expiresMs, group, id, kind, payload } = request;
  const until = expiresMs === 0 ? "" : `"expires_at_ms":${expiresMs},`;
  const head = `{"created_at_ms":${createdMs},${until}"group_id":"${GroupId.toBase64(group)}"`;
  const names = `"kind":${JSON.stringify(kind)},"payload":${payload},"request_id":${JSON.stringify(id)}`;
  return encodeUtf8(canonicalJson(`${head},${names},"version":1}`));
}

/** Wire. The digest that whoever signs must name: what it has seen is what it signs. */
export const digestOf = (signingForm: Uint8Array): string => sha256(signingForm).toBase64();

/** Wire. The id of a moot that is founded by a sign request: the same for each attempt. */
export function foundedGroupId(requestId: string, digest: string): GroupId {
  return GroupId.fromBytes(sha256(concat(FOUNDING_DOMAIN, NUL, encodeUtf8(requestId), NUL, encodeUtf8(digest))));
}

/** Wire. A message as its author wants it, not signed yet. */
export const messageDraft = struct("message draft", {
  author: optional(struct<NodeInfo>("author", { pilot_node_id: u32, entmoot_pubkey: bytes })),
  topics: optional(plainList(text, ROWS_MAX)),
  content: omittedBytes,
  parents: optional(plainList(messageId, ROWS_MAX)),
  references: optional(plainList(messageId, ROWS_MAX)),
});

/** The message of a draft. Throws 400 where its author is not whole. */
export function draftedMessage(
  draft: Decoded<typeof messageDraft>,
  { group, nowMs }: { readonly group: GroupId; readonly nowMs: number },
): MessageFields {
  const { author, content, parents = [], references = [], topics = [] } = draft;
  if (author === undefined || author.pilot_node_id === 0) throw badRequest("author.pilot_node_id is required");
  if (author.entmoot_pubkey?.length !== 32) throw badRequest("author.entmoot_pubkey must be 32 bytes");
  return { group_id: group, author, timestamp: BigInt(nowMs), topics, parents, content, references };
}

/** Wire. What a sign request for a message is about: with a zero id, and without a signature. */
const draftedPayload = struct("drafted message", { message }, { required: ["message"] });

export function draftPayload(fields: MessageFields): string {
  const drafted = { ...fields, id: MessageId.zero, signature: new Uint8Array(0) };
  return decodeUtf8(encodeWire(draftedPayload, { message: drafted }));
}

/** The drafted message with what makes it one. Its digest is its id. */
export function signedMessage(payload: string, { digest, signature }: MessageProof): Message {
  const drafted = decodeJson(draftedPayload, payload).message;
  return { ...drafted, id: MessageId.fromBytes(Uint8Array.fromBase64(digest)), signature };
}

interface MessageProof {
  readonly digest: string;
  readonly signature: Uint8Array;
}
