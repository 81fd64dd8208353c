import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { checkBinary } from "../../scripts/release/check-binary.ts";
import { checkCodeSignature, signAdHoc } from "../../scripts/release/code-signature.ts";
import { readObjectFile } from "../../scripts/release/object-file.ts";

/** A Mach-O executable of three segments with an empty seal, as a linker leaves it before it is signed. */
function machO(processor: number): Uint8Array {
  const file = Buffer.alloc(0x5010, 0xab);
  file.fill(0, 0, 32 + 72 * 2 + 16);
  for (const [i, word] of [0xfeedfacf, processor, 0, 2, 3, 72 * 2 + 16, 0, 0].entries())
    file.writeUInt32LE(word, i * 4);
  const segment = (at: number, name: string, offset: number, size: number) => {
    file.writeUInt32LE(0x19, at);
    file.writeUInt32LE(72, at + 4);
    file.write(name, at + 8, "latin1");
    file.writeBigUInt64LE(BigInt(size), at + 32);
    file.writeBigUInt64LE(BigInt(offset), at + 40);
    file.writeBigUInt64LE(BigInt(size), at + 48);
  };
  segment(32, "__TEXT", 0, 0x4000);
  segment(104, "__LINKEDIT", 0x4000, 0x1010);
  for (const [i, word] of [0x1d, 16, 0x5000, 0x10].entries()) file.writeUInt32LE(word, 176 + i * 4);
  return new Uint8Array(file);
}

const MAC = signAdHoc(machO(0x100000c), "entmootd");

test("an ad-hoc seal fits the file it was made for, and is the same each time", () => {
  expect(checkCodeSignature(MAC)).toEqual({ identifier: "entmootd", adhoc: true, pages: 5 });
  expect(signAdHoc(MAC, "entmootd")).toEqual(MAC);
  expect(() => checkCodeSignature(machO(0x100000c))).toThrow(/expected a table of blobs/);
});

test("a seal no longer fits when any covered byte is changed, or the file gets longer or shorter", () => {
  const covered = 0x5000;
  fc.assert(
    fc.property(fc.integer({ min: 300, max: covered - 1 }), fc.integer({ min: 1, max: 255 }), (at, bits) => {
      const changed = MAC.slice();
      changed[at]! ^= bits;
      expect(() => checkCodeSignature(changed)).toThrow(/page \d of 5 differs/);
    }),
  );
  expect(() => checkCodeSignature(MAC.slice(0, -1))).toThrow(/to end the file/);
  expect(() => checkCodeSignature(Buffer.concat([MAC, new Uint8Array(1)]))).toThrow(/to end the file/);
});

test("this program's runtime is read as what it is", () => {
  const { format, kind, arch } = readObjectFile(readFileSync(process.execPath));
  const formats: Readonly<Record<string, string>> = { linux: "elf", darwin: "mach-o", win32: "pe" };
  expect({ format, kind, arch }).toEqual({
    format: formats[process.platform] as "elf",
    kind: "executable",
    arch: process.arch === "arm64" ? "arm64" : "amd64",
  });
});

test("headers that lead nowhere are refused, never followed", () => {
  expect(() => readObjectFile(new Uint8Array(0))).toThrow(/expected ELF, 64-bit Mach-O or PE, found/);
  expect(() => readObjectFile(new TextEncoder().encode("#!/bin/sh"))).toThrow(/found 23212f62/);
  const host = new Uint8Array(readFileSync(process.execPath).subarray(0, 4096));
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4095 }), fc.uint8Array({ minLength: 1, maxLength: 16 }), (at, noise) => {
      const broken = host.slice();
      broken.set(noise.subarray(0, broken.length - at), at);
      try {
        readObjectFile(broken);
      } catch (error) {
        expect((error as Error).message).toMatch(/^(object file|ELF|Mach-O|PE)/);
      }
    }),
  );
});

/** A library for the same machine, and an executable that carries it with its hash. */
const library = (() => {
  const file = Buffer.from(machO(0x100000c));
  file.writeUInt32LE(6, 12);
  return new Uint8Array(file);
})();
const carrying = (inside: Uint8Array, hash: string) => {
  const room = Buffer.alloc(0x10000);
  room.set(machO(0x100000c).subarray(0, 192));
  room.set(inside, 0x400);
  room.write(hash, 0x8000, "latin1");
  room.writeUInt32LE(0x10000, 184); // Where the seal goes,
  room.writeBigUInt64LE(0xc000n, 104 + 48); // and the segment that ends with it.
  return signAdHoc(new Uint8Array(room), "entmootd");
};
const hash = createHash("sha256").update(library).digest("hex");
const expected = { os: "darwin", arch: "arm64", libc: "" } as const;

test("an executable that carries its library whole and beside its hash passes", () => {
  checkBinary({ binary: carrying(library, hash), expected, library });
  checkBinary({ binary: MAC, expected, library: undefined });
});

test("each thing that can be wrong with an executable is found and named", () => {
  const torn = library.slice();
  torn[5000]! ^= 1;
  const intel = new Uint8Array(Buffer.from(machO(0x1000007)));
  const check = (change: Partial<Parameters<typeof checkBinary>[0]>) => () =>
    checkBinary({ binary: carrying(library, hash), expected, library, ...change });
  expect(check({ binary: MAC })).toThrow(/native library: its 20496 bytes with hash .* are not in the executable/);
  expect(check({ binary: carrying(torn, hash) })).toThrow(/are not in the executable/);
  expect(check({ binary: carrying(library, "0".repeat(64)) })).toThrow(/its hash .* is not in the executable/);
  expect(check({ expected: { ...expected, arch: "amd64" } })).toThrow(
    /expected mach-o executable amd64, found .* arm64/,
  );
  expect(check({ expected: { os: "windows", arch: "arm64", libc: "" } })).toThrow(/expected pe executable/);
  expect(check({ binary: library })).toThrow(/executable: expected mach-o executable arm64, found mach-o library/);
  expect(check({ library: intel })).toThrow(/native library: expected mach-o library arm64, found .*amd64/);
  const unsealed = carrying(library, hash);
  unsealed[0x9000]! ^= 1;
  expect(check({ binary: unsealed })).toThrow(/code signature: page 9 of 16 differs/);
});
