import { close, open, read as readFile } from "node:fs";
import { promisify } from "node:util";
import { durationText } from "../../core/amounts.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { codeOf } from "../../core/system-error.ts";
import { realClock } from "../../host/real-clock.ts";
import { Deadline, unlessAborted } from "../../transport/wait.ts";
import { collect } from "./collect.ts";

/** Ours. What a pipe holds, so that a writer fills one while we take the last. */
const CHUNK_BYTES = 64 * 1024;

const openFile = promisify(open);

export interface InputLimits {
  readonly maxBytes: number;
  /** `undefined`: as long as it takes. */
  readonly timeoutMs: number | undefined;
}

/**
 * All bytes of what a user named, whatever it is: a file, a pipe, a device without end, or stdin for `-`. Counted while
 * it is read, for a size says nothing of most of them. `undefined` as soon as there are more than `maxBytes`. Throws
 * `timeout`, and as the system does.
 */
export async function readInput(path: string, limits: InputLimits): Promise<Uint8Array | undefined> {
  const source = path === "-" ? Bun.stdin.stream() : chunksOf(path);
  using deadline = limits.timeoutMs === undefined ? undefined : new Deadline(realClock, limits.timeoutMs);
  const read = await unlessAborted(collected(source, limits.maxBytes), deadline?.signal);
  // What is waited for is left to itself: nothing wakes a read of a pipe that nobody writes to.
  if (deadline?.signal.aborted && read === undefined) throw tooSlow(path, limits.timeoutMs!);
  return read?.bytes;
}

/** Opened and read beside everything else: to open a pipe takes until somebody writes to it. */
async function* chunksOf(path: string): AsyncGenerator<Uint8Array> {
  const file = await openFile(path, "r");
  try {
    for (;;) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const size = await new Promise<number>((resolve, reject) => {
        readFile(file, chunk, 0, CHUNK_BYTES, null, (error, found) => (error ? reject(error) : resolve(found)));
      });
      if (size === 0) return;
      yield chunk.subarray(0, size);
    }
  } finally {
    close(file, () => {});
  }
}

/** In an object, so that too many are not taken for none in time. */
async function collected(source: AsyncIterable<Uint8Array>, maxBytes: number) {
  return { bytes: await collect(source, maxBytes) };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of this path is a file, not a folder",
  EISDIR: "expected a file, found a folder",
  EACCES: "this user may not read it",
  EPERM: "this user may not read it",
  ENXIO: "expected a file, found a socket, or a device with nothing behind it",
  ELOOP: "its symbolic links lead in a circle",
  ENAMETOOLONG: "this path, or a name in it, is longer than the system takes",
  EMFILE: 'too many files are open here; raise the limit ("ulimit -n")',
};

/** Why an input could not be read, in words; `cause` is what `readInput` threw. */
export function inputReason(cause: unknown): string {
  if (cause instanceof EntmootError) return cause.message;
  const code = codeOf(cause);
  const reason = code === undefined ? undefined : REASONS[code];
  return reason === undefined ? textOf(cause) : `${reason} (${code})`;
}

function tooSlow(path: string, timeoutMs: number): EntmootError {
  const what = path === "-" ? "stdin" : path;
  return new EntmootError(
    "timeout",
    `${what}: expected its end within ${durationText(timeoutMs)}, and it was still open`,
  );
}
