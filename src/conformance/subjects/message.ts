import { sha256 } from "../../core/bytes/sha256.ts";
import { decodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { GroupId, MessageId } from "../../core/ids.ts";
import { encodeCanonical, encodeWire } from "../../core/json/json-codec.ts";
import { factsOf, isOutsider, whetherKept } from "../../core/kept.ts";
import { PolicyHistory } from "../../core/policy/policy-history.ts";
import { GOSSIP_INLINE_MAX_BYTES } from "../../core/record/gossip.ts";
import {
  decodeMessage,
  messageCanonical,
  messageForms,
  messageId,
  messageSigningForm,
  signMessage,
} from "../../core/record/message.ts";
import { message as codec } from "../../core/record/record-codecs.ts";
import type { Message } from "../../core/record/records.ts";
import { booleanField, hexField, hexListField, numberField, textField } from "../fields.ts";
import { rosterField, rosterOf } from "../roster-of.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";

export const subject: Subject = { kinds: { build: checkBuild, verify: checkVerify } };

/** How content is described that would be long to write: a line of whole numbers, taken modulo 256. */
const CONTENT_RULE = /^byte i = \(\s*(\d{1,6})\s*\*\s*i\s*\+\s*(\d{1,6})\s*\) mod 256$/;
/** Ours. A message has a million bytes at most; a vector may try some more, but not fill the memory. */
const CONTENT_LEN_MAX = 16 * 1024 * 1024;

function checkBuild(vector: VectorCase): void {
  const message = signMessage({
    seed: hexField(vector, "seed"),
    group_id: GroupId.fromBytes(hexField(vector, "group_id")),
    author: {
      pilot_node_id: numberField(vector, "author_node_id"),
      entmoot_pubkey: hexField(vector, "author_pubkey"),
    },
    timestamp: BigInt(textField(vector, "timestamp")),
    topics: hexListField(vector, "topics_utf8").map(decodeUtf8),
    parents: hexListField(vector, "parents").map((id) => MessageId.fromBytes(id)),
    content: contentOf(vector),
    references: hexListField(vector, "references").map((id) => MessageId.fromBytes(id)),
  });
  expectEqual(message.id, textField(vector, "id"));
  expectEqual(messageId(message), message.id);
  expectEqual(message.signature, hexField(vector, "signature"));
  const canonical = messageCanonical(message);
  expectBytes(vector, "signing", messageSigningForm(message));
  expectBytes(vector, "canonical", canonical);
  expectEqual(encodeCanonical(codec, message), canonical);
  expectEqual(canonical.length <= GOSSIP_INLINE_MAX_BYTES, booleanField(vector, "gossip_inline"));
  expectEqual(messageCanonical(decodeMessage(canonical)), canonical);
  if (vector.wire_informative === true) {
    expectEqual(messageCanonical(decodeMessage(hexField(vector, "wire"))), canonical);
    return;
  }
  const wire = encodeWire(codec, message);
  expectBytes(vector, "wire", wire);
  expectEqual(messageCanonical(decodeMessage(wire)), canonical);
}

function contentOf(vector: VectorCase): Uint8Array {
  if (vector.content_rule === undefined)
    return vector.content === undefined ? new Uint8Array(0) : hexField(vector, "content");
  const content = contentByRule(textField(vector, "content_rule"), numberField(vector, "content_len"));
  expectEqual(sha256(content), hexField(vector, "content_sha256"));
  return content;
}

function contentByRule(rule: string, length: number): Uint8Array {
  const [, factor, first] = CONTENT_RULE.exec(rule) ?? [];
  if (factor === undefined || first === undefined) {
    throw new EntmootError("invalid_argument", `content_rule: expected byte i = (a*i + b) mod 256, found ${rule}`);
  }
  if (!Number.isInteger(length) || length < 0 || length > CONTENT_LEN_MAX) {
    throw new EntmootError("invalid_argument", `content_len: expected 0 to ${CONTENT_LEN_MAX}, found ${length}`);
  }
  // Below 2^53 throughout: six digits each, and twenty-four bits of index.
  return Uint8Array.from({ length }, (_, i) => (Number(factor) * i + Number(first)) % 256);
}

/** Length and hash are always recorded, the bytes of small cases only. */
function expectBytes(vector: VectorCase, field: string, bytes: Uint8Array): void {
  if (vector[field] !== undefined) expectEqual(bytes, hexField(vector, field));
  expectEqual(bytes.length, numberField(vector, `${field}_len`));
  expectEqual(sha256(bytes), hexField(vector, `${field}_sha256`));
}

function checkVerify(vector: VectorCase): void {
  const roster = rosterOf(rosterField(vector));
  const wire = hexField(vector, "wire");
  const expected = textField(vector, "expect");
  let message: Message;
  try {
    message = decodeMessage(wire);
  } catch {
    expectEqual("malformed", expected);
    return;
  }
  const verdict = whetherKept(factsOf(message, messageForms(message)), roster, new PolicyHistory(undefined));
  if (!verdict.kept) expectEqual(verdict.fault === "bad_id" ? "signature_invalid" : verdict.fault, expected);
  else expectEqual(isOutsider(verdict.key, roster) ? "former" : "ok", expected);
}
