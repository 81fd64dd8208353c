import type { FrameLimits } from "./frame-limits.ts";

/**
 * What is said on a framed stream: how each frame is read and written, and how large it may be. `Said` is what we
 * write, `Heard` what we may read, which can hold frames newer than ours.
 */
export interface FrameLanguage<Said, Heard = Said> {
  /** What a reader takes; writing has caps of its own, so a reader may narrow these: `{ ...language, limits }`. */
  readonly limits: FrameLimits;
  /** Throws `unknown_frame` or `malformed_frame`. What it gives may be views into `body`. */
  readonly decode: (type: number, body: Uint8Array) => Heard;
  /** The whole frame, ready for one write. Throws `unsupported`, `frame_too_large` or `invalid_argument`. */
  readonly encode: (frame: Said) => Uint8Array;
}
