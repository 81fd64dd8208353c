/** What an executable or a native library is built for, read from its own headers. */
export interface ObjectFile {
  readonly format: "elf" | "mach-o" | "pe";
  readonly arch: "amd64" | "arm64";
  readonly kind: "executable" | "library";
  /** On ELF: which C library it needs, by its loader and the libraries it names; empty elsewhere, or when it names none. */
  readonly libc: "glibc" | "musl" | "";
}

/** Throws naming what was expected and found; never reads past the end of `bytes`. */
export function readObjectFile(bytes: Uint8Array): ObjectFile {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (data.length >= 4 && data.readUInt32BE(0) === 0x7f454c46) return readElf(data);
    if (data.length >= 4 && data.readUInt32LE(0) === 0xfeedfacf) return readMachO(data);
    if (data.length >= 2 && data.readUInt16BE(0) === 0x4d5a) return readPe(data);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error("object file: a header points past the end of the file", { cause: error });
  }
  throw new Error(`object file: expected ELF, 64-bit Mach-O or PE, found ${data.subarray(0, 4).toString("hex")}`);
}

function readElf(data: Buffer): ObjectFile {
  if (data[4] !== 2 || data[5] !== 1) throw new Error("ELF: expected 64 bits, little endian");
  const arch = pick("ELF machine", data.readUInt16LE(18), { 62: "amd64", 183: "arm64" });
  const headers = programHeaders(data);
  const interpreter = headers.find(({ type }) => type === 3);
  const named = interpreter === undefined ? neededLibraries(data, headers) : [textAt(data, interpreter.offset)];
  const musl = named.some((name) => /\bmusl\b|^libc\.so$/.test(name));
  const glibc = named.some((name) => /\bld-linux\b|^libc\.so\.6$/.test(name));
  const libc = musl ? "musl" : glibc ? "glibc" : "";
  return { format: "elf", arch, kind: interpreter === undefined ? "library" : "executable", libc };
}

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function programHeaders(data: Buffer): Segment[] {
  const [at, size, count] = [Number(data.readBigUInt64LE(32)), data.readUInt16LE(54), data.readUInt16LE(56)];
  return Array.from({ length: count }, (_, i) => {
    const header = at + i * size;
    return {
      type: data.readUInt32LE(header),
      offset: Number(data.readBigUInt64LE(header + 8)),
      address: Number(data.readBigUInt64LE(header + 16)),
      size: Number(data.readBigUInt64LE(header + 32)),
    };
  });
}

/** The shared libraries an ELF file asks its loader for. */
function neededLibraries(data: Buffer, headers: readonly Segment[]): string[] {
  const dynamic = headers.find(({ type }) => type === 2);
  if (dynamic === undefined) return [];
  const names: number[] = [];
  let strings: number | undefined;
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const [tag, value] = [Number(data.readBigInt64LE(at)), Number(data.readBigUInt64LE(at + 8))];
    if (tag === 0) break;
    if (tag === 1) names.push(value);
    if (tag === 5) strings = value;
  }
  const table = strings;
  if (table === undefined) return [];
  const home = headers.find(({ type, address, size }) => type === 1 && address <= table && table < address + size);
  if (home === undefined) throw new Error("ELF: the names of its libraries are in no segment");
  return names.map((name) => textAt(data, home.offset + (table - home.address) + name));
}

function readMachO(data: Buffer): ObjectFile {
  const arch = pick("Mach-O processor", data.readUInt32LE(4), { 16777223: "amd64", 16777228: "arm64" });
  const kind = pick("Mach-O file type", data.readUInt32LE(12), { 2: "executable", 6: "library", 8: "library" });
  return { format: "mach-o", arch, kind, libc: "" };
}

function readPe(data: Buffer): ObjectFile {
  const at = data.readUInt32LE(0x3c);
  if (data.readUInt32BE(at) !== 0x50450000) throw new Error("PE: expected its signature after the DOS header");
  const arch = pick("PE machine", data.readUInt16LE(at + 4), { 34404: "amd64", 43620: "arm64" });
  const library = (data.readUInt16LE(at + 22) & 0x2000) !== 0;
  return { format: "pe", arch, kind: library ? "library" : "executable", libc: "" };
}

function pick<T extends string>(what: string, found: number, known: Readonly<Record<number, T>>): T {
  const value = known[found];
  if (value !== undefined) return value;
  throw new Error(`${what}: expected ${Object.values(known).join(" or ")}, found 0x${found.toString(16)}`);
}

/** A C string of at most 255 bytes. */
function textAt(data: Buffer, at: number): string {
  if (at >= data.length) throw new RangeError("text past the end");
  const end = data.indexOf(0, at);
  return data.toString("latin1", at, end < 0 || end > at + 255 ? Math.min(at + 255, data.length) : end);
}
