import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { sizeText } from "../../core/amounts.ts";
import { LINE_BYTES_MAX } from "../../core/archive/archive-lines.ts";
import { concat } from "../../core/bytes/byte-strings.ts";
import { EntmootError, textOf } from "../../core/errors.ts";
import { codeOf } from "../../core/system-error.ts";

const LINE_FEED = 0x0a;
/** Ours. Read at once, on another thread. */
const READ_BYTES = 1024 * 1024;

/** A line with its line feed, and where it stands. */
export interface FileLine {
  readonly bytes: Uint8Array;
  /** Of its first byte. */
  readonly offset: number;
}

/** A file of lines on this machine, read without keeping the loop. */
export class ArchiveFile implements AsyncDisposable {
  readonly path: string;
  readonly size: number;
  readonly #handle: FileHandle;

  private constructor(path: string, handle: FileHandle, size: number) {
    this.path = path;
    this.#handle = handle;
    this.size = size;
  }

  /** Throws `invalid_argument` for what is not there, is no file, or may not be read. */
  static async open(path: string): Promise<ArchiveFile> {
    let handle: FileHandle;
    try {
      // Opening a pipe would wait for its other end.
      handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      throw new EntmootError("invalid_argument", `${path}: ${WHY[codeOf(cause) ?? ""] ?? textOf(cause)}`, { cause });
    }
    try {
      const found = await handle.stat();
      if (!found.isFile()) throw new EntmootError("invalid_argument", `${path}: expected a file`);
      return new ArchiveFile(path, handle, found.size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** From the beginning. Throws `invalid_argument` for a line that is too long, or the last one where nothing ends it. */
  async *lines(): AsyncGenerator<FileLine> {
    let rest: Uint8Array = new Uint8Array(0);
    let offset = 0;
    let number = 0;
    for (let at = 0; ; ) {
      const chunk = await this.#read(at, READ_BYTES);
      if (chunk.length === 0) break;
      at += chunk.length;
      rest = rest.length === 0 ? chunk : concat(rest, chunk);
      let from = 0;
      for (let feed = rest.indexOf(LINE_FEED); feed >= 0; feed = rest.indexOf(LINE_FEED, from)) {
        number += 1;
        yield { bytes: rest.subarray(from, feed + 1), offset };
        offset += feed + 1 - from;
        from = feed + 1;
      }
      rest = rest.subarray(from);
      if (rest.length > LINE_BYTES_MAX) {
        const most = `expected lines of at most ${sizeText(LINE_BYTES_MAX)}`;
        throw new EntmootError("invalid_argument", `line ${number + 1}: ${most}, found a longer one`);
      }
    }
    if (rest.length === 0) return;
    throw new EntmootError(
      "invalid_argument",
      `line ${number + 1}: the file ends in the middle of it: it was cut short`,
    );
  }

  /** `undefined` where the file has no such bytes any more. */
  async piece(offset: number, length: number): Promise<Uint8Array | undefined> {
    const bytes = await this.#read(offset, length);
    return bytes.length === length ? bytes : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  async #read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  }
}

const WHY: Readonly<Record<string, string>> = {
  ENOENT: "no such file, as the node sees it",
  EACCES: "no permission to read it, as the user whose node this is",
  EISDIR: "expected a file, found a folder",
  ENXIO: "expected a file",
};
