import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";

/** Ours. Of a record of days the end is looked through: what was handed over lately stands there. */
export const LOOKED_THROUGH_BYTES = 64 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;

/** How long a host's own record is, in bytes; 0 where there is none yet. */
export function recordLength(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/**
 * The whole lines in the last 64 MiB of a host's own record, of those from the byte `from` on; what is not ended yet is read the
 * next time. Throws as the system does.
 */
export function* recordLines(path: string, from = 0): Generator<string> {
  const handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(handle);
    if (!status.isFile()) return;
    const { size } = status;
    // One that is shorter than it was is another since.
    let at = Math.max(from <= size ? from : 0, size - LOOKED_THROUGH_BYTES);
    const decoder = new TextDecoder();
    const piece = new Uint8Array(PIECE_BYTES);
    let rest = "";
    while (at < size) {
      const read = readSync(handle, piece, 0, Math.min(PIECE_BYTES, size - at), at);
      if (read === 0) return;
      at += read;
      const lines = (rest + decoder.decode(piece.subarray(0, read), { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } finally {
    closeSync(handle);
  }
}
