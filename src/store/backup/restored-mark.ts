import { join } from "node:path";
import { instantText } from "../../core/amounts.ts";
import { EntmootError } from "../../core/errors.ts";
import { decodeJson, documented, encodeWire, struct } from "../../core/json/json-codec.ts";
import { int } from "../../core/json/json-scalars.ts";
import { removeFile, replaceFile } from "../../files/guarded-files.ts";
import { readTextAtMost } from "../../files/read-at-most.ts";
import { isThere, PRIVATE_FILE, syncDirectory } from "../private-files.ts";

/** Ours. In a data root that was restored, until its owner says that nothing else runs under its identity. */
const MARK = "restored.json";
const MARK_BYTES_MAX = 64 * 1024;

const mark = struct(
  "restored mark",
  { made_ms: documented("when the backup was made, Unix milliseconds", int) },
  { required: ["made_ms"] },
);

/** The identity of the data root may be running elsewhere: nothing runs here until `liftRestored`. Durable on return. */
export function markRestored(root: string, madeMs: number): void {
  replaceFile(join(root, MARK), encodeWire(mark, { made_ms: madeMs }), { mode: PRIVATE_FILE });
  syncDirectory(root);
}

/** Whether it was marked. Durable on return. */
export function liftRestored(root: string): boolean {
  const path = join(root, MARK);
  if (!isThere(path)) return false;
  removeFile(path);
  syncDirectory(root);
  return true;
}

/** Throws `conflict` where the identity of the data root may be running elsewhere. */
export function requireNotHeld(root: string): void {
  const held = whyHeld(root);
  if (held !== undefined) throw new EntmootError("conflict", held);
}

/** Why nothing may run on a data root, with what ends that; `undefined` where it may. */
export function whyHeld(root: string): string | undefined {
  const path = join(root, MARK);
  if (!isThere(path)) return undefined;
  let when = "";
  try {
    when = ` of ${instantText(decodeJson(mark, readTextAtMost(path, MARK_BYTES_MAX) ?? "").made_ms)}`;
  } catch {
    // Whatever it says: it is there.
  }
  return `${root}: restored from a backup${when}: its identity may be running elsewhere, and one key that runs twice parts its moots; end the other one for good, then say so with "entmootd restore -original-stopped"`;
}
