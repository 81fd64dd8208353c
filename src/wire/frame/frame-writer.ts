import { sizeText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { FRAME_PREFIX_BYTES, type FrameLimits } from "./frame-limits.ts";

/** The bytes of a frame, ready for one write. Throws `frame_too_large` when its length field would pass the type's limit. */
export function writeFrame(type: number, body: readonly Uint8Array[], limits: FrameLimits): Uint8Array<ArrayBuffer> {
  const length = body.reduce((sum, piece) => sum + piece.length, 1);
  const limit = limits(type);
  if (length > limit) {
    throw new EntmootError(
      "frame_too_large",
      `frame: expected a length of at most ${sizeText(limit)} for type 0x${type.toString(16).padStart(2, "0")}, got ${sizeText(length)}`,
    );
  }
  const frame = new Uint8Array(FRAME_PREFIX_BYTES + length);
  new DataView(frame.buffer).setUint32(0, length);
  frame[FRAME_PREFIX_BYTES] = type;
  let at = FRAME_PREFIX_BYTES + 1;
  for (const piece of body) {
    frame.set(piece, at);
    at += piece.length;
  }
  return frame;
}
