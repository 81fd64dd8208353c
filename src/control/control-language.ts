import { EntmootError } from "../core/errors.ts";
import { type ControlFrame, decodeControlFrame } from "../wire/control/control-frame.ts";
import { controlLimits } from "../wire/control/control-limits.ts";
import { decodeOperationHead, OPERATION_HEAD_BYTES, type OperationFrame } from "../wire/control/operation-frame.ts";
import { CONTROL_EXTENSIONS } from "../wire/frame/extensions.ts";
import { FrameReader, type RawFrame } from "../wire/frame/frame-reader.ts";
import { EXTENSION_TYPE_MIN } from "../wire/frame/frame-types.ts";
import type { UnknownExtension } from "../wire/peer/frame.ts";

/**
 * What one side of a control socket takes: the most bytes behind the head of an operation frame, below 0 for none. Asked
 * once for each frame, with how many there are.
 */
export type BodyLimit = (head: Omit<OperationFrame, "body">, rest: number) => number;

/** A reader of one side's frames: an operation's size is judged by its head, before its body is gathered. */
export function controlReader(bodyLimit: BodyLimit): FrameReader {
  return new FrameReader(controlLimits, {
    type: CONTROL_EXTENSIONS.operation.type,
    headBytes: OPERATION_HEAD_BYTES,
    restMax(head, rest) {
      try {
        return bodyLimit(decodeOperationHead(head), rest);
      } catch {
        // Of a later layout, say: passed over whole, and refused where it is decoded.
        return -1;
      }
    },
  });
}

/** A frame of ours whose head says nothing to this version. */
export interface UnreadableOperation {
  readonly kind: "unreadable";
  readonly type: number;
  readonly reason: EntmootError;
}

/** A frame as it was read; of one that was passed over only the head. */
export type ReadFrame = (ControlFrame | UnknownExtension | UnreadableOperation) & { readonly skippedBytes?: number };

/** Throws `unknown_frame`, `malformed_frame` for a frame of the original's. */
export function decodeRead({ body, skippedBytes, type }: RawFrame): ReadFrame {
  try {
    const frame = decodeControlFrame(type, body);
    return skippedBytes === undefined ? frame : { ...frame, skippedBytes };
  } catch (reason) {
    if (type < EXTENSION_TYPE_MIN || !(reason instanceof EntmootError)) throw reason;
    return { kind: "unreadable", type, reason };
  }
}
