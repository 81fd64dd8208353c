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
  readonly messages: readonly Uint8Array[];
}

export const pushBody: FrameBody<Push> = {
  decode(body) {
    const cursor = new ByteCursor(body, "push");
    const group_id = GroupId.fromBytes(cursor.read(32, "group id"));
    const messages = readMessageBatch(cursor);
    if (messages.length === 0) cursor.fail("a message", "none");
    return { kind: "push", group_id, messages };
  },
  encode({ group_id, messages }) {
    if (messages.length === 0 || messages.length > BATCH_MESSAGES_MAX) {
      throw new EntmootError(
        "invalid_argument",
        `push: expected 1 to ${BATCH_MESSAGES_MAX} messages, got ${messages.length}`,
      );
    }
    return [GroupId.toBytes(group_id), ...messageBatchParts(messages)];
  },
};

/** As few frames as hold `messages` in order, and those too large for any: announce these with ihave, so that they are fetched alone. */
export function pushFrames(
  group_id: GroupId,
  messages: Iterable<Uint8Array>,
): { readonly frames: readonly Push[]; readonly tooLarge: readonly Uint8Array[] } {
  const batches: Uint8Array[][] = [];
  const tooLarge: Uint8Array[] = [];
  let room: BatchRoom | undefined;
  for (const message of messages) {
    if (!BatchRoom.fits(message.length)) {
      tooLarge.push(message);
    } else if (room?.reserve(message.length)) {
      batches.at(-1)!.push(message);
    } else {
      room = new BatchRoom();
      room.reserve(message.length);
      batches.push([message]);
    }
  }
  return { frames: batches.map((batch) => ({ kind: "push", group_id, messages: batch })), tooLarge };
}
