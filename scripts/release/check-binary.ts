import { createHash } from "node:crypto";
import { checkCodeSignature } from "./code-signature.ts";
import { type ObjectFile, readObjectFile } from "./object-file.ts";

/** What a target's executable, and the library inside it, have to be. */
export interface Expected {
  readonly os: "linux" | "darwin" | "windows";
  readonly arch: "amd64" | "arm64";
  readonly libc: "glibc" | "musl" | "";
}

const FORMAT = { linux: "elf", darwin: "mach-o", windows: "pe" } as const;

/**
 * Holds an executable against its target: format, machine and C library of it and of the native library it should
 * carry, that library's bytes and hash inside it, and on darwin the seal. Throws at the first thing that is wrong.
 */
export function checkBinary(options: {
  readonly binary: Uint8Array;
  readonly expected: Expected;
  /** The library as its package has it; `undefined` where the executable is built without. */
  readonly library: Uint8Array | undefined;
}): void {
  const { binary, expected, library } = options;
  checkObject("executable", readObjectFile(binary), { ...expected, kind: "executable" });
  if (library !== undefined) {
    checkObject("native library", readObjectFile(library), { ...expected, kind: "library" });
    checkEmbedded(binary, library);
  }
  if (expected.os === "darwin") checkCodeSignature(binary);
}

function checkObject(what: string, found: ObjectFile, expected: Expected & { readonly kind: string }): void {
  const want = [FORMAT[expected.os], expected.kind, expected.arch, expected.libc].filter(Boolean).join(" ");
  const have = [found.format, found.kind, found.arch, found.libc].filter(Boolean).join(" ");
  if (want !== have) throw new Error(`${what}: expected ${want}, found ${have}`);
}

/** That `library` is in `binary` whole, beside the hash the program holds it against before it loads it. */
function checkEmbedded(binary: Uint8Array, library: Uint8Array): void {
  const inside = Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength);
  const hash = createHash("sha256").update(library).digest("hex");
  const head = library.subarray(0, 4096);
  for (let at = inside.indexOf(head); at >= 0; at = inside.indexOf(head, at + 1)) {
    if (!inside.subarray(at, at + library.length).equals(library)) continue;
    if (inside.includes(hash, 0, "latin1")) return;
    throw new Error(`native library: its hash ${hash} is not in the executable`);
  }
  throw new Error(`native library: its ${library.length} bytes with hash ${hash} are not in the executable`);
}
