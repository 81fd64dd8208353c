import { createReadStream, writeSync } from "node:fs";
import { createGunzip } from "node:zlib";
import { sizeText } from "../core/amounts.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import type { WantedFile } from "./download.ts";
import { updateError } from "./update-error.ts";

const BLOCK = 512;
/** Ours. An archive holds the binary and a few texts. */
const ENTRIES_MAX = 32;
const TEXT_MAX = 16 * 1024 * 1024;
/** Ours. Zeros that tar writes after the end, in records of 10 KiB. */
const PADDING_MAX = 1024 * 1024;

/**
 * Writes the one file `wanted` of a gzipped ustar archive to the open file `to`, checked by size and hash. An archive
 * with anything in it but plain files at its root, each once, is refused as a whole. Throws `update_failed`, and the
 * system's own error when the disk fails.
 */
export async function unpackBinary(
  archive: string,
  wanted: WantedFile & { readonly name: string },
  to: number,
): Promise<void> {
  const source = createReadStream(archive, { highWaterMark: 1 << 20 });
  const unzipped = createGunzip({ chunkSize: 1 << 20 });
  source.on("error", (error) => unzipped.destroy(error));
  source.pipe(unzipped);
  try {
    await readEntries(new ArchivePieces(unzipped), wanted, to);
  } catch (error) {
    // What the disk says, of reading or writing, says nothing of the archive.
    if (error instanceof EntmootError || (error instanceof Error && "syscall" in error)) throw error;
    throw updateError(`archive: not a gzipped tar archive: ${textOf(error)}`, error);
  } finally {
    source.destroy();
    unzipped.destroy();
  }
}

async function readEntries(
  pieces: ArchivePieces,
  wanted: WantedFile & { readonly name: string },
  to: number,
): Promise<void> {
  const seen = new Set<string>();
  for (;;) {
    const header = await pieces.read(BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const { name, size } = readHeader(header);
    if (seen.has(name)) throw updateError(`archive: holds ${JSON.stringify(name)} twice`);
    if (seen.size === ENTRIES_MAX) throw updateError(`archive: holds more than ${ENTRIES_MAX} files`);
    seen.add(name);
    if (name === wanted.name) await unpack(pieces, size, wanted, to);
    else if (size > TEXT_MAX)
      throw updateError(`archive: ${name}: expected at most ${sizeText(TEXT_MAX)}, found ${sizeText(size)}`);
    else await pieces.pass(size, () => {});
    await pieces.pass((BLOCK - (size % BLOCK)) % BLOCK, () => {});
  }
  await pieces.end();
  if (!seen.has(wanted.name)) throw updateError(`archive: ${wanted.name} is missing in it`);
}

async function unpack(pieces: ArchivePieces, size: number, wanted: WantedFile & { readonly name: string }, to: number) {
  if (size !== wanted.size) {
    throw updateError(`archive: ${wanted.name}: expected ${sizeText(wanted.size)}, found ${sizeText(size)}`);
  }
  const hasher = new Bun.CryptoHasher("sha256");
  await pieces.pass(size, (piece) => {
    hasher.update(piece);
    for (let done = 0; done < piece.length; ) done += writeSync(to, piece, done);
  });
  const found = hasher.digest("hex");
  if (found !== wanted.sha256) {
    throw updateError(`archive: ${wanted.name}: checksum mismatch: expected ${wanted.sha256}, found ${found}`);
  }
}

function readHeader(header: Uint8Array): { readonly name: string; readonly size: number } {
  const text = (from: number, length: number) => {
    const field = header.subarray(from, from + length);
    const end = field.indexOf(0);
    return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("latin1");
  };
  const octal = (from: number, length: number) => {
    const digits = text(from, length).trim();
    if (!/^[0-7]{1,11}$/.test(digits)) throw updateError("archive: damaged: a number that is none");
    return Number.parseInt(digits, 8);
  };
  // The sum counts its own field as blanks.
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (octal(148, 8) !== sum) throw updateError("archive: damaged: a header with a wrong checksum");
  if (text(257, 5) !== "ustar") throw updateError("archive: expected the ustar format, found another");
  const prefix = text(345, 155);
  const name = prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`;
  const kind = header[156]!;
  if (kind !== 0x30 && kind !== 0) {
    throw updateError(`archive: ${JSON.stringify(name)}: expected a plain file, found ${kindOf(kind)}`);
  }
  if (name === "" || name === "." || name.startsWith("/") || name.split("/").includes("..")) {
    throw updateError(`archive: unsafe archive path ${JSON.stringify(name)}`);
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)) {
    throw updateError(`archive: expected plain names at its root, found ${JSON.stringify(name)}`);
  }
  return { name, size: octal(124, 12) };
}

function kindOf(flag: number): string {
  const known: Readonly<Record<string, string>> = {
    "1": "a hard link",
    "2": "a symbolic link",
    "3": "a device",
    "4": "a device",
    "5": "a folder",
    "6": "a pipe",
    K: "a long name extension",
    L: "a long name extension",
    S: "a sparse file",
    g: "a pax extension",
    x: "a pax extension",
  };
  return known[String.fromCharCode(flag)] ?? `type ${flag}`;
}

/** Bytes as they come, taken by number. */
class ArchivePieces {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `size` bytes, a few. */
  async read(size: number): Promise<Uint8Array> {
    const taken = new Uint8Array(size);
    let at = 0;
    await this.pass(size, (piece) => {
      taken.set(piece, at);
      at += piece.length;
    });
    return taken;
  }

  /** Hands the next `size` bytes to `sink`, in pieces. */
  async pass(size: number, sink: (piece: Uint8Array) => void): Promise<void> {
    for (let left = size; left > 0; ) {
      if (this.#held.length === 0 && !(await this.#more())) throw updateError("archive: ends before its end");
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      sink(piece);
    }
  }

  /** Reads what is left, which must be a few zeros. */
  async end(): Promise<void> {
    for (let size = 0; this.#held.length > 0 || (await this.#more()); this.#held = new Uint8Array(0)) {
      size += this.#held.length;
      if (size > PADDING_MAX || this.#held.some((byte) => byte !== 0))
        throw updateError("archive: goes on after its end");
    }
  }

  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#held = next.value;
    return true;
  }
}
