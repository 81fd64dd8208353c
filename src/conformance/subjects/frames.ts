import { sha256 } from "../../core/bytes/sha256.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { FRAME_PREFIX_BYTES, PROTOCOL_LIMITS, peerLimits } from "../../wire/frame/frame-limits.ts";
import { FRAME_TYPE } from "../../wire/frame/frame-types.ts";
import { writeFrame } from "../../wire/frame/frame-writer.ts";
import { decodeFrame, encodeFrame } from "../../wire/peer/frame.ts";
import { hexField, numberField, objectField, objectListField, textField } from "../fields.ts";
import { decodeCheck, decodeResult, encodeCheck, type FrameCodec, readStream } from "../frame-case.ts";
import { expectEqual, type Subject, type VectorCase } from "../subject.ts";

const MERKLE_REQ = 0x07;

const codec: FrameCodec = {
  limits: peerLimits("pilot"),
  types: FRAME_TYPE,
  reencode: (type, body) => encodeFrame(decodeFrame(type, body, "pilot"), "pilot"),
};

export const subject: Subject = {
  kinds: {
    encode: encodeCheck(codec),
    decode: decodeCheck(codec),
    read_stream(vector) {
      const stream = streamOf(vector);
      const expected = objectListField(vector, "reads");
      expectEqual([...readStream(stream)].map(describe), expected.map(readFields));
      // The limits in use are the same but for a frame too large for its type, which the original lets through.
      const cut = [...readStream(stream, codec.limits)].map(describe);
      const last = cut.at(-1);
      const isCut = last?.result === "oversized";
      expectEqual(cut, isCut && overType(stream) ? [{ result: "oversized" }] : expected.map(readFields));
    },
    write_limit(vector) {
      const body = new Uint8Array(numberField(vector, "body_len"));
      expectEqual(written(body), {
        result: textField(vector, "result"),
        written: numberField(vector, "written"),
      });
    },
  },
};

function streamOf(vector: VectorCase): Uint8Array {
  if (vector.stream_rule === undefined) return hexField(vector, "stream");
  const rule = objectField(vector, "stream_rule");
  const stream = new Uint8Array(numberField(rule, "total_len")).fill(Number.parseInt(textField(rule, "pad_byte"), 16));
  const prefix = hexField(rule, "prefix");
  stream.set(prefix);
  stream.set(encodeUtf8(textField(rule, "body_start")), prefix.length);
  return stream;
}

/** The first frame of `stream` has a length that its type may not have, though the protocol allows it. */
function overType(stream: Uint8Array): boolean {
  const length = new DataView(stream.buffer, stream.byteOffset).getUint32(0);
  return length <= PROTOCOL_LIMITS(0) && length > codec.limits(stream[FRAME_PREFIX_BYTES]!);
}

function describe(read: { readonly result: string; readonly type?: number; readonly body?: Uint8Array }) {
  if (read.body === undefined || read.type === undefined) return { result: read.result };
  return {
    result: read.result,
    type: read.type,
    body_len: read.body.length,
    body_sha256: sha256(read.body).toHex(),
    // The decoder has no cap of its own; re-encoding does not grow what is padded with blanks.
    decode: decodeResult(codec, read.type, read.body).result,
  };
}

function readFields(read: VectorCase) {
  if (read.result !== "ok") return { result: textField(read, "result") };
  return {
    result: "ok",
    type: numberField(read, "type"),
    body_len: numberField(read, "body_len"),
    body_sha256: textField(read, "body_sha256"),
    decode: textField(read, "decode"),
  };
}

function written(body: Uint8Array): { readonly result: string; readonly written: number } {
  try {
    return { result: "ok", written: writeFrame(MERKLE_REQ, [body], PROTOCOL_LIMITS).length };
  } catch (error) {
    if (!(error instanceof EntmootError) || error.code !== "frame_too_large") throw error;
    return { result: "oversized", written: 0 };
  }
}
