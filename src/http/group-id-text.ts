import { GroupId } from "../core/ids.ts";
import { badRequest } from "./http-failure.ts";

/** Wire. A moot's id as paths and queries have it: standard base64, padded or not. Throws 400 in the original's words. */
export function parseGroupId(text: string): GroupId {
  const bare = text.length % 4 === 0 ? text.replace(/={1,2}$/, "") : text;
  const fault = bare.search(/[^A-Za-z0-9+/]/);
  const at = fault >= 0 ? fault : bare.length % 4 === 1 ? bare.length : -1;
  if (at >= 0) throw badRequest(`group_id: illegal base64 data at input byte ${at}`);
  const bytes = Uint8Array.fromBase64(bare, { lastChunkHandling: "loose" });
  if (bytes.length !== 32) throw badRequest(`group_id: expected 32 bytes, got ${bytes.length}`);
  return GroupId.fromBytes(bytes);
}
