import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EntmootError } from "../core/errors.ts";

/** One file or directory of an archive. */
export interface TarEntry {
  /** Relative, `/` between parts, no empty, `.` or `..` part. */
  readonly path: string;
  readonly mode: number;
  /** `undefined` for a directory. */
  readonly content: Uint8Array | undefined;
}

const BLOCK = 512;
/** Ours. A data root of a test has a few dozen. */
const ENTRIES_MAX = 10_000;

/**
 * The files and directories of a POSIX ustar archive. Throws `invalid_argument` for anything else in it (links,
 * devices, extensions), for a path that leads out of it and for a damaged header.
 */
export function readTar(bytes: Uint8Array): TarEntry[] {
  const entries: TarEntry[] = [];
  for (let at = 0; ; ) {
    if (at + BLOCK > bytes.length) refuse(at, "a header or two blocks of zeros", "the end of the archive");
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return entries;
    if (entries.length === ENTRIES_MAX) refuse(at, `at most ${ENTRIES_MAX} entries`, "one more");
    const { size, ...entry } = readHeader(header, at);
    const from = at + BLOCK;
    if (from + size > bytes.length) refuse(at, `${size} bytes of content`, `${bytes.length - from}`);
    entries.push({ ...entry, content: entry.isDirectory ? undefined : bytes.slice(from, from + size) });
    at = from + Math.ceil(size / BLOCK) * BLOCK;
  }
}

/** Writes `entries` below `directory`, which exists and is empty, with their modes. */
export function unpackTar(entries: readonly TarEntry[], directory: string): void {
  for (const { path, mode, content } of entries) {
    // Exclusive, so that an entry can never write through an earlier one.
    if (content) writeFileSync(join(directory, path), content, { mode, flag: "wx" });
    else mkdirSync(join(directory, path), { mode });
  }
}

function readHeader(header: Uint8Array, at: number) {
  const text = (from: number, length: number) => {
    const field = header.subarray(from, from + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  };
  const octal = (from: number, length: number) => {
    const digits = text(from, length).trim();
    if (!/^[0-7]{1,11}$/.test(digits)) refuse(at, "an octal number", JSON.stringify(digits));
    return Number.parseInt(digits, 8);
  };
  if (text(257, 6) !== "ustar") refuse(at, "a ustar header", "another");
  // The sum counts its own field as blanks.
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (octal(148, 8) !== sum) refuse(at, `checksum ${sum}`, `${octal(148, 8)}`);
  const type = text(156, 1);
  if (!["", "0", "5"].includes(type)) refuse(at, "a file or a directory", `type ${JSON.stringify(type)}`);
  const prefix = text(345, 155);
  const path = (prefix === "" ? "" : `${prefix}/`) + text(0, 100).replace(/\/$/, "");
  const isInside = path
    .split("/")
    .every((part) => part !== "" && part !== "." && part !== ".." && !part.includes("\\"));
  if (!isInside) refuse(at, "a path inside the archive", JSON.stringify(path));
  const isDirectory = type === "5";
  return { path, mode: octal(100, 8) & 0o777, size: isDirectory ? 0 : octal(124, 12), isDirectory };
}

function refuse(at: number, expected: string, found: string): never {
  throw new EntmootError("invalid_argument", `archive, byte ${at}: expected ${expected}, found ${found}`);
}
