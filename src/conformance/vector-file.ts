import { open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { sizeText } from "../core/amounts.ts";
import { EntmootError, textOf } from "../core/errors.ts";

/** Ours. The largest vector file is 1.4 MB; anything near this is not one. */
export const VECTOR_FILE_BYTES_MAX = 64 * 1024 * 1024;

/** Ours. A longer literal stays a number: no 64-bit value needs it, and parsing it would cost its square. */
const INTEGER_DIGITS_MAX = 40;

/** Folders whose files are another system's: their base names do not mean ours. */
const OTHER_SYSTEMS = new Set(["egregore"]);

/**
 * The vector files under `path`: itself, or every `*.json` in a directory and below, sorted by name. Throws
 * `not_found` where there is nothing, `invalid_argument` for what cannot be looked at.
 */
export async function* vectorFiles(path: string): AsyncGenerator<string> {
  const info = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR")
      throw new EntmootError("not_found", `${path}: there is no such file or directory`, { cause });
    throw new EntmootError("invalid_argument", `${path}: cannot be read: ${textOf(cause)}`, { cause });
  });
  if (!info.isDirectory()) {
    yield path;
    return;
  }
  const entries = await readdir(path, { withFileTypes: true }).catch((cause: unknown) => {
    throw new EntmootError("invalid_argument", `${path}: cannot be read: ${textOf(cause)}`, { cause });
  });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = join(path, entry.name);
    // Links to directories are not followed, so a walk always ends.
    if (entry.isDirectory()) yield* vectorFiles(inner);
    else if (entry.name.endsWith(".json")) yield inner;
  }
}

/** The name of the subject a file belongs to: `merkle`, `egregore/hooks`. */
export function subjectName(path: string): string {
  const base = basename(path, ".json");
  const folder = basename(dirname(path));
  return OTHER_SYSTEMS.has(folder) ? `${folder}/${base}` : base;
}

/**
 * The JSON object in `path`; integers beyond ±2^53 come as bigints. Throws `invalid_argument` when it
 * is too large, no regular file or not a JSON object.
 */
export async function readVectorFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readBounded(path);
  let value: unknown;
  try {
    value = JSON.parse(text, exactInteger);
  } catch (cause) {
    throw new EntmootError("invalid_argument", `${path}: not JSON`, { cause });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new EntmootError("invalid_argument", `${path}: expected a JSON object with a list of cases`);
  }
  return value as Record<string, unknown>;
}

async function readBounded(path: string): Promise<string> {
  // Looked at before it is opened: opening a pipe would wait for a writer.
  if (!(await stat(path)).isFile()) throw new EntmootError("invalid_argument", `${path}: not a regular file`);
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    if (size > VECTOR_FILE_BYTES_MAX) {
      throw new EntmootError(
        "invalid_argument",
        `${path}: expected at most ${sizeText(VECTOR_FILE_BYTES_MAX)}, found ${sizeText(size)}`,
      );
    }
    return await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

function exactInteger(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const source = context?.source ?? "";
  return source.length <= INTEGER_DIGITS_MAX && /^-?[0-9]+$/.test(source) ? BigInt(source) : value;
}
