import { sizeText } from "../../core/amounts.ts";
import { encodeUtf8 } from "../../core/bytes/utf8.ts";
import { EntmootError } from "../../core/errors.ts";
import { CONTENT_MAX_BYTES, tooLongText } from "../../node/operations/messages.ts";
import { inputReason, readInput } from "./bounded-input.ts";

/** Ours. Characters of a path that a failure repeats. */
const SHOWN_MAX = 200;

/** The body that `-content` or `-file` gives, exactly one of them. Throws `invalid_argument`, `timeout`. */
export async function contentOf(
  label: string,
  { content, file }: { readonly content?: string | undefined; readonly file?: string | undefined },
  timeoutMs: number | undefined,
): Promise<Uint8Array> {
  if ((content === undefined) === (file === undefined)) {
    throw new EntmootError("invalid_argument", `${label}: exactly one of -content or -file is required`);
  }
  if (content !== undefined) {
    const bytes = encodeUtf8(content);
    if (bytes.length > CONTENT_MAX_BYTES) throw tooLarge(label, "-content", sizeText(bytes.length));
    if (content !== "") return bytes;
    throw new EntmootError("invalid_argument", `${label}: -content is empty; expected the text of the message`);
  }
  if (file === "")
    throw new EntmootError("invalid_argument", `${label}: -file is empty; expected a path, or - for stdin`);
  const read = await readContent(label, file!, timeoutMs);
  const source = file === "-" ? "stdin" : JSON.stringify(file!.slice(0, SHOWN_MAX));
  if (read === undefined) throw tooLarge(label, source, `more than ${sizeText(CONTENT_MAX_BYTES)} of content`);
  if (read.length > 0) return read;
  throw new EntmootError("invalid_argument", `${label}: file content is empty: ${source}`);
}

async function readContent(
  label: string,
  path: string,
  timeoutMs: number | undefined,
): Promise<Uint8Array | undefined> {
  try {
    return await readInput(path, { maxBytes: CONTENT_MAX_BYTES, timeoutMs });
  } catch (cause) {
    const code = cause instanceof EntmootError ? cause.code : "invalid_argument";
    const what = cause instanceof EntmootError ? "read file" : `read file ${JSON.stringify(path.slice(0, SHOWN_MAX))}`;
    throw new EntmootError(code, `${label}: ${what}: ${inputReason(cause)}`, { cause });
  }
}

function tooLarge(label: string, source: string, found: string): EntmootError {
  return new EntmootError("invalid_argument", `${label}: ${source}: ${tooLongText(found)}`);
}
