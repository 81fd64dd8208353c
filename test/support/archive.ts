import { EntmootError } from "../../src/core/errors.ts";
import type { GroupId } from "../../src/core/ids.ts";
import { type Exported, moot_export, moot_import } from "../../src/node/operations/care.ts";
import type { AnswerOf, Operations } from "../../src/node/operations/operation.ts";

/** A moot exported as one piece. */
export async function exported(node: Operations, group_id: GroupId): Promise<{ bytes: Uint8Array; said: Exported }> {
  const chunks: Uint8Array[] = [];
  const said = await node.call(moot_export, { group_id }, { onEvent: ({ chunk }) => void chunks.push(chunk) });
  return { bytes: new Uint8Array(Buffer.concat(chunks)), said };
}

/** Imports bytes by way of the file at `path`. */
export async function imported(
  node: Operations,
  path: string,
  bytes: Uint8Array | string,
): Promise<AnswerOf<typeof moot_import>> {
  await Bun.write(path, bytes);
  return node.call(moot_import, { path });
}

/** Why the bytes are refused; empty where they are taken. */
export async function refusedImport(node: Operations, path: string, bytes: Uint8Array | string): Promise<string> {
  try {
    await imported(node, path, bytes);
    return "";
  } catch (error) {
    if (error instanceof EntmootError) return error.message;
    throw error;
  }
}
