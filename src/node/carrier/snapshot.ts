import { type Codec, encodeWire } from "../../core/json/json-codec.ts";

/** Ours. Of the ads in one answer, which ours read up to 1 MiB of; room for the rest of the frame. */
export const SNAPSHOT_BYTES_MAX = 1024 * 1024 - 8 * 1024;

/**
 * As many of `ads` as one answer may have, in their order, from a place that `random` in [0, 1) chooses and round: who asks
 * more than one member, or again, gets them all.
 */
export function snapshotOf<T>(codec: Codec<T>, ads: readonly T[], random: () => number): T[] {
  const first = Math.floor(random() * ads.length);
  const taken: T[] = [];
  let room = SNAPSHOT_BYTES_MAX;
  for (const ad of [...ads.slice(first), ...ads.slice(0, first)]) {
    room -= encodeWire(codec, ad).length + 1;
    if (room < 0) return taken;
    taken.push(ad);
  }
  return [...ads];
}
