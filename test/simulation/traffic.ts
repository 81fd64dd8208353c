import type { PublicKey } from "../../src/core/ids.ts";
import type { NetworkEffect } from "../../src/machine/effect.ts";

/** JSON of an id in a list. */
const ID_BYTES = 47;
/** Type, length, group id, timestamp and signature of a frame. */
const FRAME_BYTES = 120;
/** A message of about 100 characters of text. */
const BODY_BYTES = 600;

/** What went over the wires of a world. */
export class Traffic {
  frames = 0;
  bytes = 0;
  bodies = 0;
  connections = 0;
  readonly byKind = new Map<NetworkEffect["kind"], number>();
  readonly sentBy = new Map<PublicKey, number>();

  sent(by: PublicKey, effect: NetworkEffect): void {
    this.frames += 1;
    this.byKind.set(effect.kind, (this.byKind.get(effect.kind) ?? 0) + 1);
    this.sentBy.set(by, (this.sentBy.get(by) ?? 0) + 1);
    const ids = "ids" in effect && effect.kind !== "push" ? effect.ids.length : 0;
    this.bytes += FRAME_BYTES + ids * ID_BYTES;
  }

  /** Message bodies that reached their addressee, wanted or not. */
  body(count: number): void {
    this.bodies += count;
    this.bytes += count * BODY_BYTES;
  }

  /** Ids in an answer. */
  ids(count: number): void {
    this.bytes += FRAME_BYTES + count * ID_BYTES;
  }

  reset(): void {
    this.frames = 0;
    this.bytes = 0;
    this.bodies = 0;
    this.byKind.clear();
    this.sentBy.clear();
  }
}
