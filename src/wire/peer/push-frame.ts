import { EntmootError } from "../../core/errors.ts";
import { GroupId } from "../../core/ids.ts";
import { ByteCursor } from "../frame/byte-cursor.ts";
import type { FrameBody } from "../frame/frame-body.ts";
import { BATCH_MESSAGES_MAX, BatchRoom, messageBatchParts, readMessageBatch } from "./message-batch.ts";

/**
 * "Here are messages you may lack." One way. Unlike gossip it carries no signature: the carrier
 * proved the sender, and each message is signed by its author. A binary body has no codec to infer it from.
 */
export interface Push {
  readonly kind: "push";
  readonly group_id: GroupId;
  /** 1 to 1,024 full canonical forms. */
  readonly bodies: readonly Uint8Array[];
}

export const pushBody: FrameBody<Push> = {
  decode(body) {
    const cursor = new ByteCursor(body, "push");
    const group_id = GroupId.fromBytes(cursor.read(32, "group id"));
    const bodies = readMessageBatch(cursor);
    if (bodies.length === 0) cursor.fail("a message", "none");
    return { kind: "push", group_id, bodies };
  },
  encode({ group_id, bodies }) {
    if (bodies.length === 0 || bodies.length > BATCH_MESSAGES_MAX) {
      throw new EntmootError(
        "invalid_argument",
        `push: expected 1 to ${BATCH_MESSAGES_MAX} messages, got ${bodies.length}`,
      );
    }
    return [GroupId.toBytes(group_id), ...messageBatchParts(bodies)];
  },
};

/** As few frames as hold `bodies` in order, and those too large for any: announce these with ihave, so that they are fetched alone. */
export function pushFrames(
  group_id: GroupId,
  bodies: Iterable<Uint8Array>,
): { readonly frames: readonly Push[]; readonly tooLarge: readonly Uint8Array[] } {
  const batches: Uint8Array[][] = [];
  const tooLarge: Uint8Array[] = [];
  let room: BatchRoom | undefined;
  for (const body of bodies) {
    if (!BatchRoom.fits(body.length)) {
      tooLarge.push(body);
    } else if (room?.reserve(body.length)) {
      batches.at(-1)!.push(body);
    } else {
      room = new BatchRoom();
      room.reserve(body.length);
      batches.push([body]);
    }
  }
  return { frames: batches.map((batch) => ({ kind: "push", group_id, bodies: batch })), tooLarge };
}
