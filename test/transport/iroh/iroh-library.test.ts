import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { irohPackageFor } from "../../../scripts/iroh-native-plugin.ts";
import { loadIroh, unpackLibrary } from "../../../src/transport/iroh/iroh-library.ts";
import { irohNative } from "../../../src/transport/iroh/iroh-native.ts";
import { failure } from "../../contract/transport.contract.ts";

let dir = "";
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "entmoot-library-"));
});
afterAll(() => rmSync(dir, { recursive: true }));

/** A stand-in for the embedded library, a little over two copy steps long. */
function embedded() {
  const library = Uint8Array.from({ length: 2_100_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  const path = join(dir, "embedded.node");
  writeFileSync(path, library);
  const sha256 = createHash("sha256").update(library).digest("hex");
  return { library, native: { kind: "embedded", target: "test", path, sha256, bytes: library.length } as const };
}

test("the library is unpacked under its hash into a folder for its owner alone, and used again", async () => {
  const { library, native } = embedded();
  const lib = join(dir, "fresh");
  const path = await unpackLibrary(lib, native);
  expect(path).toBe(join(lib, native.sha256, "iroh.node"));
  expect(readFileSync(path).equals(library)).toBe(true);
  expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
  const inode = statSync(path).ino;
  expect(await unpackLibrary(lib, native)).toBe(path);
  expect(statSync(path).ino).toBe(inode);
});

test("an unpacked library that was changed or cut short is replaced", async () => {
  const { library, native } = embedded();
  const path = await unpackLibrary(join(dir, "damaged"), native);
  const changed = Uint8Array.from(library);
  changed[1_500_000]! ^= 1;
  writeFileSync(path, changed);
  await unpackLibrary(join(dir, "damaged"), native);
  expect(readFileSync(path).equals(library)).toBe(true);
  truncateSync(path, 10);
  await unpackLibrary(join(dir, "damaged"), native);
  expect(readFileSync(path).equals(library)).toBe(true);
});

test("many may unpack at once, and nothing but the library is left", async () => {
  const { library, native } = embedded();
  const lib = join(dir, "together");
  const paths = await Promise.all(Array.from({ length: 8 }, () => unpackLibrary(lib, native)));
  expect(new Set(paths).size).toBe(1);
  expect(readdirSync(join(lib, native.sha256))).toEqual(["iroh.node"]);
  expect(readFileSync(paths[0] ?? "").equals(library)).toBe(true);
});

test("an embedded library that does not match its hash is neither left behind nor used", async () => {
  const { native } = embedded();
  const lib = join(dir, "mismatch");
  const damaged = { ...native, sha256: "0".repeat(64) };
  expect(unpackLibrary(lib, damaged)).rejects.toThrow("the embedded library is damaged");
  expect(await failure(unpackLibrary(lib, damaged))).toBe("unavailable");
  expect(readdirSync(join(lib, damaged.sha256))).toEqual([]);
});

test("a data root that cannot be written is named", async () => {
  const { native } = embedded();
  const file = join(dir, "a-file");
  writeFileSync(file, "");
  expect(unpackLibrary(join(file, "lib"), native)).rejects.toThrow("make the data root writable");
});

test("a build without iroh is refused with the next step, and a file that is no library with the reason", async () => {
  expect(await failure(loadIroh(dir, { kind: "none", target: "bun-darwin-x64" }))).toBe("unsupported");
  expect(loadIroh(dir, { kind: "none", target: "bun-darwin-x64" })).rejects.toThrow("so it reaches no other machine");
  mkdirSync(join(dir, "not"), { recursive: true });
  const path = join(dir, "not", "iroh.node");
  writeFileSync(path, "not a library");
  expect(await failure(loadIroh(dir, { kind: "installed", target: "test", path }))).toBe("unavailable");
});

test("each build target has the package of its platform, processor and C library", () => {
  const names = (targets: string[]) =>
    targets.map((target) => irohPackageFor(target)?.name.replace("@number0/iroh-", ""));
  expect(
    names(["bun-linux-x64", "bun-linux-x64-baseline", "bun-linux-x64-musl", "bun-linux-x64-musl-baseline"]),
  ).toEqual(["linux-x64-gnu", "linux-x64-gnu", "linux-x64-musl", "linux-x64-musl"]);
  expect(names(["bun-linux-arm64", "bun-linux-arm64-musl", "bun-darwin-arm64", "bun-windows-x64"])).toEqual([
    "linux-arm64-gnu",
    "linux-arm64-musl",
    "darwin-arm64",
    "win32-x64-msvc",
  ]);
  expect(irohPackageFor("bun-darwin-x64")).toBeUndefined();
  for (const target of ["linux-x64", "bun-linux", "bun-plan9-x64", ""])
    expect(() => irohPackageFor(target)).toThrow("build target");
});

test("the library is loaded from a path with characters that mean something in a URL", async () => {
  const native = irohNative();
  if (native.kind !== "installed") throw new Error(`expected iroh to be installed here, found ${native.kind}`);
  const odd = join(dir, "a ?b#c%20d");
  mkdirSync(odd);
  const path = join(odd, "iroh.node");
  copyFileSync(native.path, path);
  const library = await loadIroh(dir, { kind: "installed", target: native.target, path });
  expect(Object.keys(library)).toContain("Endpoint");
  expect(await loadIroh(dir, { kind: "installed", target: native.target, path })).toBe(library);
});
