import { EntmootError } from "../../core/errors.ts";
import { type Codec, decodeJson, encodeWire } from "../../core/json/json-codec.ts";

/** How the body of one kind of frame is read and written. */
export interface FrameBody<F> {
  /** Throws `malformed_frame`. What it gives may be views into `body`. */
  decode(body: Uint8Array): F;
  /** The body in pieces, so that large ones are copied once, into the frame. */
  encode(frame: F): readonly Uint8Array[];
}

/** What a body reads and writes: the type of a frame is inferred from the codec that says its fields. */
export type FrameOf<Body> = Body extends FrameBody<infer F> ? F : never;

/** A body that is one JSON object, read by the rules of the original and written in its key order. */
export function jsonBody<const K extends string, T extends object>(
  kind: K,
  codec: Codec<T>,
): FrameBody<{ readonly kind: K } & T> {
  return {
    decode(body) {
      if (body.length === 0)
        throw new EntmootError("malformed_frame", `${kind}: expected a JSON object, found nothing`);
      return { kind, ...decodeJson(codec, body) };
    },
    encode: (frame) => [encodeWire(codec, frame)],
  };
}

/** The bodies of a set of kinds, each reading and writing exactly its kind. */
export type FrameBodies<F extends { readonly kind: string }> = {
  readonly [K in F["kind"]]: FrameBody<Extract<F, { readonly kind: K }>>;
};
