import { crc32, deflateRawSync } from "node:zlib";

/** One file of an archive. Archives hold files only, at their root: nothing in them can point elsewhere. */
export interface ArchiveEntry {
  readonly name: string;
  readonly content: Uint8Array;
  readonly executable: boolean;
}

/** Ours. Level 6 of libdeflate packs an executable as well as zlib's 9 does, in a third of the time. */
const GZIP = { level: 6, library: "libdeflate" } as const;

/** Ours. The largest name, and the largest file, that a ustar header can hold. */
const NAME_MAX = 100;
const SIZE_MAX = 8 ** 11 - 1;

/**
 * A `.tar.gz` whose bytes follow from its arguments alone: entries sorted by name, owner 0, no name or time in the gzip
 * header. `atMs` is the time of every entry.
 */
export function packTarGz(entries: readonly ArchiveEntry[], atMs: number): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (const { name, content, executable } of sorted(entries)) {
    blocks.push(tarHeader({ name, size: content.length, mode: executable ? 0o755 : 0o644, atMs }), content);
    blocks.push(new Uint8Array(-content.length & 511));
  }
  const gzip = Bun.gzipSync(Buffer.concat([...blocks, new Uint8Array(1024)]), GZIP);
  gzip.fill(0, 4, 8); // No time,
  gzip[9] = 255; // and no word of the system it was packed on.
  return gzip;
}

function tarHeader(entry: { name: string; size: number; mode: number; atMs: number }): Uint8Array {
  const header = Buffer.alloc(512);
  const octal = (value: number, at: number, digits: number) => {
    header.write(value.toString(8).padStart(digits, "0"), at, "latin1");
  };
  header.write(entry.name, 0, "latin1");
  octal(entry.mode, 100, 7);
  octal(0, 108, 7); // Owner and group are root, by number and without a name.
  octal(0, 116, 7);
  octal(entry.size, 124, 11);
  octal(Math.floor(entry.atMs / 1000), 136, 11);
  header.write("        0", 148, "latin1"); // The checksum counts as blanks; `0` is a regular file.
  header.write("ustar\0" + "00", 257, "latin1");
  octal(
    header.reduce((sum, byte) => sum + byte, 0),
    148,
    6,
  );
  header[154] = 0;
  return header;
}

const ZIP_LOCAL = 0x04034b50;
const ZIP_CENTRAL = 0x02014b50;
const ZIP_END = 0x06054b50;
/** Version 2.0: deflate. Made on Unix, so that the mode of a file is understood. */
const ZIP_NEEDS = 20;
const ZIP_MADE_BY = (3 << 8) | 20;
const ZIP_DEFLATE = 8;

/** A `.zip` with the same promise as `packTarGz`. Its times have no zone and are those of UTC, to two seconds. */
export function packZip(entries: readonly ArchiveEntry[], atMs: number): Uint8Array {
  const [locals, centrals]: [Uint8Array[], Uint8Array[]] = [[], []];
  let offset = 0;
  for (const { name, content, executable } of sorted(entries)) {
    const packed = deflateRawSync(content, { level: 9 });
    const common = Buffer.alloc(26);
    for (const [at, value] of [ZIP_NEEDS, 0, ZIP_DEFLATE, ...dosTime(atMs)].entries()) {
      common.writeUInt16LE(value, at * 2);
    }
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(name.length, 22);
    const plainName = Buffer.from(name, "latin1");
    const local = Buffer.concat([u32(ZIP_LOCAL), common, plainName, packed]);
    const rest = Buffer.alloc(14); // Comment, disk and internal attributes: none.
    rest.writeUInt32LE(((0o100000 | (executable ? 0o755 : 0o644)) << 16) >>> 0, 6);
    rest.writeUInt32LE(offset, 10);
    centrals.push(Buffer.concat([u32(ZIP_CENTRAL), u16(ZIP_MADE_BY), common, rest, plainName]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(ZIP_END, 0);
  end.writeUInt16LE(centrals.length, 8);
  end.writeUInt16LE(centrals.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** Time and date as MS-DOS counts them, from 1980 on. */
function dosTime(atMs: number): [time: number, date: number] {
  const at = new Date(Math.max(atMs, Date.UTC(1980, 0, 1)));
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1);
  return [time, ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate()];
}

function sorted(entries: readonly ArchiveEntry[]): readonly ArchiveEntry[] {
  for (const { name, content } of entries) {
    if (!/^[A-Za-z0-9._-]+$/.test(name) || name.length > NAME_MAX) throw new Error(`archive: ${name} is no plain name`);
    if (content.length > SIZE_MAX) throw new Error(`archive: ${name} has ${content.length} bytes, at most ${SIZE_MAX}`);
  }
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
