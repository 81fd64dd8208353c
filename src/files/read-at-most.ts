import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/**
 * What the file at `path` holds; `undefined` for what is no file, or has more than `max` bytes. It is looked at once it is
 * open: who owns its folder may exchange it at any moment, for a pipe that never ends or for all that a memory holds. Throws
 * the system's errors.
 */
export function readAtMost(path: string, max: number): Uint8Array | undefined {
  // Without waiting for the other end of a pipe.
  const handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const found = fstatSync(handle);
    if (!found.isFile() || found.size > max) return undefined;
    // One more than there should be: it may have grown.
    const bytes = new Uint8Array(found.size + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(handle, bytes, length, bytes.length - length, null);
    }
    return length > found.size ? undefined : bytes.subarray(0, length);
  } finally {
    closeSync(handle);
  }
}

/** As `readAtMost`, as text. */
export function readTextAtMost(path: string, max: number): string | undefined {
  const bytes = readAtMost(path, max);
  return bytes && new TextDecoder().decode(bytes);
}
