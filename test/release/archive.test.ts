import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, inflateRawSync } from "node:zlib";
import { unpack } from "../../scripts/launch/packages.mjs";
import { type ArchiveEntry, packTarGz, packZip } from "../../scripts/release/archive.ts";

const AT_MS = Date.UTC(2026, 0, 2, 3, 4, 6);
const text = (value: string) => new TextEncoder().encode(value);
const entries: readonly ArchiveEntry[] = [
  { name: "entmootd", content: text("x".repeat(1000)), executable: true },
  { name: "LICENSE", content: text("free"), executable: false },
  { name: "README.md", content: new Uint8Array(0), executable: false },
  { name: "SKILL.md", content: text("y".repeat(512)), executable: false },
];

function inTemporary<T>(run: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), "entmoot-archive-"));
  try {
    return run(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

test("tar lists a packed archive with names in order, modes, owner 0 and the given time", () => {
  inTemporary((dir) => {
    const path = join(dir, "a.tar.gz");
    writeFileSync(path, packTarGz(entries, AT_MS));
    const env = { ...process.env, TZ: "UTC", LC_ALL: "C" };
    const { stdout } = Bun.spawnSync(["tar", "--numeric-owner", "-tvzf", path], { env });
    const rows = stdout.toString().trim().split("\n");
    expect(rows.map((row) => row.split(/\s+/).at(-1)!)).toEqual(["LICENSE", "README.md", "SKILL.md", "entmootd"]);
    expect(rows[3]).toMatch(/^-rwxr-xr-x.*\b0[/ ]+0\b.*1000/);
    expect(rows[0]).toMatch(/^-rw-r--r--/);
    Bun.spawnSync(["tar", "-xzf", path, "-C", dir]);
    expect(readFileSync(join(dir, "entmootd"), "utf8")).toBe("x".repeat(1000));
    expect(statSync(join(dir, "SKILL.md")).mtimeMs).toBe(AT_MS);
  });
});

test("what the launcher unpacks is what was packed", () => {
  inTemporary((dir) => {
    // It drops the one directory that packages of npm begin with; without one it keeps the name.
    unpack(gunzipSync(packTarGz(entries, AT_MS)), dir);
    for (const { name, content } of entries)
      expect(new Uint8Array(readFileSync(join(dir, name)))).toEqual(new Uint8Array(content));
  });
});

test("the bytes of an archive follow from its entries and its time, not from their order or the clock", () => {
  for (const pack of [packTarGz, packZip]) {
    expect(pack(entries, AT_MS)).toEqual(pack([...entries].reverse(), AT_MS));
    expect(pack(entries, AT_MS)).not.toEqual(pack(entries, AT_MS + 2000));
  }
  const gzip = packTarGz(entries, AT_MS);
  expect(gzip.subarray(0, 4).toHex()).toBe("1f8b0800"); // No name, no comment.
  expect(gzip.subarray(4, 8).toHex()).toBe("00000000");
  expect(gzip[9]).toBe(255);
});

test("a zip holds what was packed, by the headers of its central directory", () => {
  inTemporary((dir) => {
    const path = join(dir, "a.zip");
    writeFileSync(path, packZip(entries, AT_MS));
    const zip = readFileSync(path);
    const end = zip.length - 22;
    expect(zip.readUInt32LE(end)).toBe(0x06054b50);
    expect(zip.readUInt16LE(end + 10)).toBe(4);
    const found: Record<string, unknown> = {};
    for (let at = zip.readUInt32LE(end + 16), i = 0; i < 4; i++) {
      const length = zip.readUInt16LE(at + 28);
      const name = zip.toString("latin1", at + 46, at + 46 + length);
      const local = zip.readUInt32LE(at + 42);
      expect(zip.readUInt32LE(local)).toBe(0x04034b50);
      expect(zip.toString("latin1", local + 30, local + 30 + length)).toBe(name);
      const data = zip.subarray(local + 30 + length, local + 30 + length + zip.readUInt32LE(at + 20));
      const content = new Uint8Array(inflateRawSync(data));
      expect(Bun.hash.crc32(content)).toBe(zip.readUInt32LE(at + 16));
      found[name] = [content.length, (zip.readUInt32LE(at + 38) >>> 16).toString(8)];
      at += 46 + length;
    }
    expect(found).toEqual({
      LICENSE: [4, "100644"],
      "README.md": [0, "100644"],
      "SKILL.md": [512, "100644"],
      entmootd: [1000, "100755"],
    });
  });
});

test.each(["../x", "a/b", "", "/x", "ü", "x".repeat(101)])("an entry named %j is refused", (name) => {
  const entry = { name, content: text("x"), executable: false };
  expect(() => packTarGz([entry], AT_MS)).toThrow(/no plain name/);
  expect(() => packZip([entry], AT_MS)).toThrow(/no plain name/);
});
