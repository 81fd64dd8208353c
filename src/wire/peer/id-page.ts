import { MessageId } from "../../core/ids.ts";

/** Ids as they stand in bulk frames: 32 bytes each, one after the other. */
export type IdPage = Uint8Array;

/** The page of `ids`, in their order. */
export function idPage(ids: readonly MessageId[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromHex(ids.join(""));
}

/** The ids of a page, in its order. */
export function pageIds(page: IdPage): MessageId[] {
  const ids: MessageId[] = [];
  for (let at = 0; at < page.length; at += 32) ids.push(MessageId.fromBytes(page.subarray(at, at + 32)));
  return ids;
}
