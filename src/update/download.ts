import { closeSync, createReadStream, fstatSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { type Answer, type GetOptions, get } from "./http-get.ts";
import { asUpdateError, updateError } from "./update-error.ts";

/** What a manifest says of a file. */
export interface WantedFile {
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface DownloadOptions extends GetOptions {
  /** Where the file grows; what an earlier run left there is gone on with. */
  readonly partial: string;
  readonly onProgress?: (received: number, size: number) => void;
}

/** Ours. A connection that breaks is taken up again so often in one run, and so often when it brings nothing. */
const ATTEMPTS_MAX = 20;
const FRUITLESS_MAX = 3;
/** Ours. Before each further attempt. */
const PAUSE_MS = 200;

/**
 * Brings `url` to the file `partial`, whole and checked. Never takes more than the size that was announced. When it is
 * cut off, what came stays for the next run; what is wrong does not. Throws `update_failed`.
 */
export async function download(url: URL, wanted: WantedFile, options: DownloadOptions): Promise<void> {
  const { partial } = options;
  let size = sizeOf(partial);
  let fruitless = 0;
  for (let attempt = 1; size !== wanted.size; attempt++) {
    const before = size;
    size = await fetchRest(url, wanted, options);
    if (size === wanted.size) break;
    fruitless = size > before ? 0 : fruitless + 1;
    if (fruitless === FRUITLESS_MAX || attempt === ATTEMPTS_MAX) {
      const got = `${size} of ${wanted.size} bytes`;
      throw updateError(`${url.href}: the download was cut off after ${got}; run it again to go on`);
    }
    await Bun.sleep(PAUSE_MS);
  }
  const found = await hashFile(partial);
  if (found === wanted.sha256) return;
  rmSync(partial, { force: true });
  throw updateError(`${url.href}: checksum mismatch: expected ${wanted.sha256}, found ${found}`);
}

/** SHA-256 of a file, lower-case hex. */
export async function hashFile(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hasher.update(piece as Uint8Array);
  return hasher.digest("hex");
}

/** Asks for what is missing and appends it; the size then. */
async function fetchRest(url: URL, wanted: WantedFile, options: DownloadOptions): Promise<number> {
  const { partial, onProgress } = options;
  if (sizeOf(partial) > wanted.size) rmSync(partial, { force: true });
  const file = openFile(partial);
  try {
    const have = fstatSync(file).size;
    const answer = await get(url, { ...options, after: have });
    try {
      requireUsable(url, answer, have, wanted);
      if (answer.start !== have) ftruncateSync(file, 0);
      let size = answer.start;
      onProgress?.(size, wanted.size);
      for await (const piece of answer.body) {
        if (size + piece.length > wanted.size) {
          rmSync(partial, { force: true });
          throw updateError(`${url.href}: expected ${wanted.size} bytes, found more`);
        }
        writeAt(file, piece, size);
        size += piece.length;
        onProgress?.(size, wanted.size);
      }
      return size;
    } finally {
      answer.close();
    }
  } catch (error) {
    throw asUpdateError(error, partial);
  } finally {
    closeSync(file);
  }
}

function requireUsable(url: URL, answer: Answer, have: number, wanted: WantedFile): void {
  if (!answer.found) throw updateError(`${url.href}: not there`);
  if (answer.start !== 0 && answer.start !== have) {
    throw updateError(`${url.href}: expected the part from byte ${have}, found one from ${answer.start}`);
  }
  const { length } = answer;
  if (length !== undefined && answer.start + length > wanted.size) {
    throw updateError(`${url.href}: expected ${wanted.size} bytes, found ${answer.start + length} announced`);
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, "r+");
  } catch {
    return openSync(path, "wx+", 0o600);
  }
}

function writeAt(file: number, piece: Uint8Array, at: number): void {
  for (let done = 0; done < piece.length; ) done += writeSync(file, piece, done, piece.length - done, at + done);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
