import type { MessageId } from "../../src/core/ids.ts";
import found from "./ids-of-one-hash.json";

/** Ids that the runtime hashes alike in their lower 16 bits, found in four seconds by trying one after the other. */
export const IDS_OF_ONE_HASH: readonly MessageId[] = ids();

function ids(): MessageId[] {
  let at = 0;
  return found.steps.map((step) => {
    at += step;
    return `${found.head}${at.toString(16).padStart(16, "0")}` as MessageId;
  });
}

/** The same text anew, as ids are that were just read: its hash is not known. */
export function readAnew(ids: readonly MessageId[]): MessageId[] {
  return ids.map((id) => Uint8Array.fromHex(id).toHex() as MessageId);
}
