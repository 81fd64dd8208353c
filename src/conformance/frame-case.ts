import { encodeUtf8 } from "../core/bytes/utf8.ts";
import { EntmootError } from "../core/errors.ts";
import { canonicalJson } from "../core/json/canonical-json.ts";
import { jsonInteger } from "../view/message-line.ts";
import { type FrameLimits, PROTOCOL_LIMITS } from "../wire/frame/frame-limits.ts";
import { FrameReader } from "../wire/frame/frame-reader.ts";
import { hexField, numberField, objectField, textField } from "./fields.ts";
import { type Check, expectEqual, Mismatch, type VectorCase } from "./subject.ts";

/** The two ways of one family of frames, as a relay uses them. */
export interface FrameCodec {
  readonly limits: FrameLimits;
  /** Type byte of each frame, by its name. */
  readonly types: Readonly<Record<string, number>>;
  /** Throws as the family's decoder does, and `unknown_frame` for an extension nobody knows. */
  reencode(type: number, body: Uint8Array): Uint8Array;
}

/** Decoding `frame` must give `value`, and encoding that again what the original's encoder wrote. */
export function encodeCheck(codec: FrameCodec): Check {
  return (vector) => {
    const type = numberField(vector, "type");
    expectEqual(codec.types[textField(vector, "type_name")], type);
    const value = objectField(vector, "value");
    const raw = onlyFrame(hexField(vector, "frame"), codec.limits);
    const expected = canonicalJson(vector.reencoded === undefined ? raw.body : textField(vector, "reencoded"));
    const again = onlyFrame(codec.reencode(raw.type, raw.body), codec.limits);
    expectEqual([raw.type, again.type], [type, type]);
    expectEqual(canonicalJson(again.body), expected);
    if (vector.reencoded === undefined)
      expectEqual(canonicalJson(jsonText(parseJson(again.body))), canonicalJson(jsonText(value)));
  };
}

/** `type` and body decode as recorded, to what encodes as `reencoded`. */
export function decodeCheck(codec: FrameCodec): Check {
  return (vector) => {
    const type = numberField(vector, "type");
    const body = bodyOf(vector);
    const result = textField(vector, "result");
    const found = decodeResult(codec, type, body);
    expectEqual(found.result, result);
    if (found.frame === undefined || vector.reencoded === undefined) return;
    const again = onlyFrame(found.frame, codec.limits);
    expectEqual(canonicalJson(again.body), canonicalJson(textField(vector, "reencoded")));
  };
}

/** What the body decoder says, in the vectors' words. Anything it throws that is no refusal goes on. */
export function decodeResult(
  codec: FrameCodec,
  type: number,
  body: Uint8Array,
): { readonly result: string; readonly frame: Uint8Array | undefined } {
  try {
    return { result: "ok", frame: codec.reencode(type, body) };
  } catch (error) {
    if (error instanceof EntmootError && error.code === "malformed_frame")
      return { result: "malformed", frame: undefined };
    if (error instanceof EntmootError && error.code === "unknown_frame")
      return { result: "unknown_type", frame: undefined };
    throw error;
  }
}

function onlyFrame(bytes: Uint8Array, limits: FrameLimits) {
  const reader = new FrameReader(limits);
  reader.push(bytes);
  const raw = reader.next();
  if (raw === undefined || reader.next() !== undefined || reader.end() !== "clean") {
    throw new Mismatch("one whole frame", "more or less");
  }
  return raw;
}

function bodyOf(vector: VectorCase): Uint8Array {
  if (vector.body_hex !== undefined) return hexField(vector, "body_hex");
  if (vector.body_rule === undefined) return encodeUtf8(textField(vector, "body"));
  const rule = objectField(vector, "body_rule");
  const count = numberField(rule, "count");
  const open = textField(rule, "repeat_open").repeat(count);
  const close = textField(rule, "repeat_close").repeat(count);
  return encodeUtf8(textField(rule, "prefix") + open + close + textField(rule, "suffix"));
}

/** `body` as a vector file's reader gives it: wide integers exact, the spelling of other numbers lost. */
function parseJson(body: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(body), (_key, value: unknown, context?: { readonly source?: string }) =>
    typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value)
      ? BigInt(context?.source ?? value)
      : value,
  );
}

function jsonText(value: unknown): string {
  return JSON.stringify(value, (_key, inner) => (typeof inner === "bigint" ? jsonInteger(inner) : inner));
}

/** The results of reading a stream and its end, in the vectors' words. */
export function* readStream(stream: Uint8Array, limits: FrameLimits = PROTOCOL_LIMITS) {
  const reader = new FrameReader(limits);
  reader.push(stream);
  try {
    for (let raw = reader.next(); raw !== undefined; raw = reader.next()) yield { result: "ok", ...raw };
    yield { result: reader.end() === "clean" ? "eof" : "unexpected_eof" };
  } catch (error) {
    if (!(error instanceof EntmootError)) throw error;
    yield { result: error.code === "frame_too_large" ? "oversized" : "malformed" };
  }
}
