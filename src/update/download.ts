import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  writeSync,
} from "node:fs";
import { sizeText } from "../core/amounts.ts";
import { makeFile, removeFile, requireOwnFile } from "../files/guarded-files.ts";
import { pause } from "../transport/wait.ts";
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
/** Ours. Before each further attempt: a server that refuses at once is not asked in a tight loop. */
const PAUSE_MS = 200;

/** What to do about a file that is not what its manifest says. */
const TELL_PUBLISHER = "nothing was installed; try again later, and tell the publisher if it stays so";

/**
 * Brings `url` to the file `partial`, whole and checked. Never takes more than the size that was announced. When it is
 * cut off, what came stays for the next run; what is wrong does not. Throws `update_failed`.
 */
export async function download(url: URL, wanted: WantedFile, options: DownloadOptions): Promise<void> {
  for (let again = false; ; again = true) {
    const isOnePiece = await fetchAll(url, wanted, options);
    const found = await hashFile(options.partial);
    if (found === wanted.sha256) return;
    removeFile(options.partial);
    // Pieces that do not fit may be of two files, or of a disk that lost power: once more, from the beginning.
    if (isOnePiece || again) {
      throw updateError(`${url.href}: checksum mismatch: expected ${wanted.sha256}, found ${found}; ${TELL_PUBLISHER}`);
    }
  }
}

/** Fetches what is missing until nothing is; whether all of it came now and in one piece. */
async function fetchAll(url: URL, wanted: WantedFile, options: DownloadOptions): Promise<boolean> {
  let { size, isOnePiece } = { size: sizeOf(options.partial), isOnePiece: false };
  let most = size;
  let fruitless = 0;
  for (let attempt = 1; size !== wanted.size; attempt++) {
    ({ size, isOnePiece } = await fetchRest(url, wanted, options));
    if (size === wanted.size) break;
    fruitless = size > most ? 0 : fruitless + 1;
    most = Math.max(most, size);
    if (fruitless === FRUITLESS_MAX || attempt === ATTEMPTS_MAX) {
      const got = `${sizeText(most)} of ${sizeText(wanted.size)}`;
      throw updateError(`${url.href}: the download was cut off after ${got}; run it again to go on`);
    }
    await pause(options.clock, PAUSE_MS);
  }
  return isOnePiece;
}

/** SHA-256 of a file, lower-case hex. */
export async function hashFile(path: string): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hasher.update(piece as Uint8Array);
  return hasher.digest("hex");
}

/** Asks for what is missing and appends it; the size then, and whether that is all from one answer. */
async function fetchRest(url: URL, wanted: WantedFile, options: DownloadOptions) {
  const { partial, onProgress } = options;
  if (sizeOf(partial) > wanted.size) removeFile(partial);
  const file = openFile(partial);
  try {
    const have = fstatSync(file).size;
    const answer = await get(url, { ...options, after: have });
    try {
      const { start } = answer;
      requireUsable(url, answer, have, wanted);
      if (start !== have) ftruncateSync(file, 0);
      // It cannot go on from there: the next attempt asks for all of it.
      if (start === undefined || (start !== have && start !== 0)) return { size: 0, isOnePiece: false };
      let size = start;
      onProgress?.(size, wanted.size);
      for await (const piece of answer.body) {
        if (size + piece.length > wanted.size) {
          removeFile(partial);
          throw updateError(`${url.href}: expected ${sizeText(wanted.size)}, found more; ${TELL_PUBLISHER}`);
        }
        writeAt(file, piece, size);
        size += piece.length;
        onProgress?.(size, wanted.size);
      }
      return { size, isOnePiece: start === 0 };
    } finally {
      answer.close();
    }
  } catch (error) {
    throw asUpdateError(error, partial);
  } finally {
    closeSync(file);
  }
}

function requireUsable(url: URL, { found, start, length }: Answer, have: number, wanted: WantedFile): void {
  if (!found) throw updateError(`${url.href}: not there`);
  if (have === 0 && start !== 0) throw updateError(`${url.href}: asked for all of it, and the server does not send it`);
  if (start === have && length !== undefined && start + length > wanted.size) {
    throw updateError(
      `${url.href}: expected ${sizeText(wanted.size)}, the server has ${sizeText(start + length)}; ${TELL_PUBLISHER}`,
    );
  }
}

/** Never what a link leads to: root may be at work in another's folder. */
function openFile(path: string): number {
  try {
    requireOwnFile(path);
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch {
    removeFile(path);
    makeFile(path, 0o600);
    return openSync(path, constants.O_RDWR | constants.O_NOFOLLOW);
  }
}

function writeAt(file: number, piece: Uint8Array, at: number): void {
  for (let done = 0; done < piece.length; ) done += writeSync(file, piece, done, piece.length - done, at + done);
}

/** Bytes of the plain file at `path`; 0 when there is none. */
export function sizeOf(path: string): number {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isFile() ? found.size : 0;
}
