import { createHash } from "node:crypto";

/*
 * The seal macOS looks for in an executable: a table of SHA-256 hashes, one for each page, at the end of the file. An
 * *ad-hoc* seal names no signer. Apple silicon starts nothing without a valid one; elsewhere a broken one is as bad.
 * Constants and layout are those of Apple's cs_blobs.h and loader.h; blobs are big endian, load commands little.
 */
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
const SLOT_CODE_DIRECTORY = 0;
/** With a table of which bytes are executable, which loaders expect since macOS 10.14. */
const CODE_DIRECTORY_VERSION = 0x20400;
const CODE_DIRECTORY_HEADER = 88;
const FLAG_ADHOC = 0x2;
/** Made by whoever wrote the file, as linkers do; tools may replace it. */
const FLAG_LINKER_SIGNED = 0x20000;
const HASH_SHA256 = 2;
const HASH_BYTES = 32;
const PAGE_BITS = 12;
const EXEC_SEGMENT_MAIN_BINARY = 1n;
/** The larger of the page sizes of the two processors; segments end on it in memory. */
const SEGMENT_ALIGN = 0x4000;

/** What the seal of a Mach-O file says, after every page was held against it. */
export interface CodeSignature {
  readonly identifier: string;
  readonly adhoc: boolean;
  readonly pages: number;
}

/** The seal of `file`, checked page by page. Throws on a file without one, and on one that does not fit. */
export function checkCodeSignature(file: Uint8Array): CodeSignature {
  const data = buffer(file);
  const { signature, linkedit } = layout(data);
  if (signature === undefined) throw new Error("code signature: expected one, found none");
  const { offset, size } = signature;
  if (offset + size !== data.length) {
    throw new Error(`code signature: expected it to end the file at ${data.length}, found ${offset + size}`);
  }
  if (linkedit.fileOffset + linkedit.fileSize !== data.length) {
    throw new Error("code signature: __LINKEDIT does not end where the file does");
  }
  const blob = data.subarray(offset);
  if (blob.readUInt32BE(0) !== SUPER_BLOB) throw new Error("code signature: expected a table of blobs");
  const directory = findDirectory(blob);
  const [flags, hashes, name] = [directory.readUInt32BE(12), directory.readUInt32BE(16), directory.readUInt32BE(20)];
  const [pages, limit] = [directory.readUInt32BE(28), directory.readUInt32BE(32)];
  if (directory[36] !== HASH_BYTES || directory[37] !== HASH_SHA256)
    throw new Error("code signature: expected SHA-256");
  if (limit !== offset) throw new Error(`code signature: expected it to cover ${offset} bytes, found ${limit}`);
  const pageBytes = 1 << directory[39]!;
  if (pages !== Math.ceil(limit / pageBytes)) throw new Error(`code signature: ${pages} pages do not cover the file`);
  for (let page = 0; page < pages; page++) {
    const expected = directory.subarray(hashes + page * HASH_BYTES, hashes + (page + 1) * HASH_BYTES);
    const found = sha256(data.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, limit)));
    if (!found.equals(expected)) throw new Error(`code signature: page ${page} of ${pages} differs from its hash`);
  }
  const identifier = directory.toString("latin1", name, directory.indexOf(0, name));
  return { identifier, adhoc: (flags & FLAG_ADHOC) !== 0, pages };
}

/**
 * `file` with an ad-hoc seal in place of the one it carries. The bytes it covers are kept but for the two sizes that
 * the headers hold of the seal itself. Throws when there is no room for a seal, that is no old one.
 */
export function signAdHoc(file: Uint8Array, identifier: string): Uint8Array {
  const data = buffer(file);
  const { signature, linkedit, text } = layout(data);
  if (signature === undefined) throw new Error("code signature: expected the place of one in the headers, found none");
  const limit = signature.offset;
  const name = Buffer.from(`${identifier}\0`, "latin1");
  const pages = Math.ceil(limit / (1 << PAGE_BITS));
  const hashesAt = CODE_DIRECTORY_HEADER + name.length;
  const directory = Buffer.alloc(hashesAt + pages * HASH_BYTES);
  const header = 20;
  const size = Math.ceil((header + directory.length) / 16) * 16;

  const bytes = new Uint8Array(limit + size);
  const sealed = buffer(bytes);
  data.copy(sealed, 0, 0, limit);
  sealed.writeUInt32LE(size, signature.command + 12);
  const linkeditSize = limit + size - linkedit.fileOffset;
  sealed.writeBigUInt64LE(BigInt(linkeditSize), linkedit.command + 48);
  const inMemory = Math.ceil(linkeditSize / SEGMENT_ALIGN) * SEGMENT_ALIGN;
  sealed.writeBigUInt64LE(BigInt(Math.max(inMemory, linkedit.memorySize)), linkedit.command + 32);

  const words = [CODE_DIRECTORY, directory.length, CODE_DIRECTORY_VERSION, FLAG_ADHOC | FLAG_LINKER_SIGNED];
  words.push(hashesAt, CODE_DIRECTORY_HEADER, 0, pages, limit);
  for (const [i, word] of words.entries()) directory.writeUInt32BE(word, i * 4);
  directory.set([HASH_BYTES, HASH_SHA256, 0, PAGE_BITS], 36);
  directory.writeBigUInt64BE(BigInt(text.fileOffset), 64);
  directory.writeBigUInt64BE(BigInt(text.fileSize), 72);
  directory.writeBigUInt64BE(EXEC_SEGMENT_MAIN_BINARY, 80);
  name.copy(directory, CODE_DIRECTORY_HEADER);
  for (let page = 0; page < pages; page++) {
    const end = Math.min((page + 1) << PAGE_BITS, limit);
    sha256(sealed.subarray(page << PAGE_BITS, end)).copy(directory, hashesAt + page * HASH_BYTES);
  }
  for (const [i, word] of [SUPER_BLOB, header + directory.length, 1, SLOT_CODE_DIRECTORY, header].entries()) {
    sealed.writeUInt32BE(word, limit + i * 4);
  }
  directory.copy(sealed, limit + header);
  return bytes;
}

interface Segment {
  /** Where its load command is. */
  readonly command: number;
  readonly memorySize: number;
  readonly fileOffset: number;
  readonly fileSize: number;
}

interface Layout {
  readonly signature: { readonly command: number; readonly offset: number; readonly size: number } | undefined;
  readonly linkedit: Segment;
  readonly text: Segment;
}

function layout(data: Buffer): Layout {
  if (data.length < 32 || data.readUInt32LE(0) !== 0xfeedfacf)
    throw new Error("code signature: expected 64-bit Mach-O");
  const segments = new Map<string, Segment>();
  let signature: Layout["signature"];
  const count = data.readUInt32LE(16);
  for (let i = 0, at = 32; i < count; i++) {
    const [kind, size] = [data.readUInt32LE(at), data.readUInt32LE(at + 4)];
    if (size < 8) throw new Error("Mach-O: a load command of no size");
    if (kind === LC_SEGMENT_64) {
      const name = data.toString("latin1", at + 8, at + 24).replace(/\0.*$/s, "");
      const number = (from: number) => Number(data.readBigUInt64LE(at + from));
      segments.set(name, { command: at, memorySize: number(32), fileOffset: number(40), fileSize: number(48) });
    }
    if (kind === LC_CODE_SIGNATURE) {
      signature = { command: at, offset: data.readUInt32LE(at + 8), size: data.readUInt32LE(at + 12) };
    }
    at += size;
  }
  const [linkedit, text] = [segments.get("__LINKEDIT"), segments.get("__TEXT")];
  if (linkedit === undefined || text === undefined) throw new Error("Mach-O: expected segments __TEXT and __LINKEDIT");
  return { signature, linkedit, text };
}

function findDirectory(blob: Buffer): Buffer {
  const count = blob.readUInt32BE(8);
  for (let i = 0; i < count; i++) {
    const at = blob.readUInt32BE(12 + i * 8 + 4);
    if (blob.readUInt32BE(12 + i * 8) === SLOT_CODE_DIRECTORY && blob.readUInt32BE(at) === CODE_DIRECTORY) {
      return blob.subarray(at, at + blob.readUInt32BE(at + 4));
    }
  }
  throw new Error("code signature: expected a code directory, found none");
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}
