import { MessageId } from "../core/ids.ts";

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

/** Every id greater than the one before, so none twice. */
export function isAscending(page: IdPage): boolean {
  for (let at = 32; at < page.length; at += 32) if (!isLess(page, at - 32, at)) return false;
  return true;
}

function isLess(page: IdPage, a: number, b: number): boolean {
  for (let i = 0; i < 32; i++) {
    const difference = page[a + i]! - page[b + i]!;
    if (difference !== 0) return difference < 0;
  }
  return false;
}
