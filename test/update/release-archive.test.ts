import { expect, test } from "bun:test";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { unpackBinary } from "../../src/update/release-archive.ts";
import { archiveOf, sha256 } from "../support/release-feed.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

const CONTENT = new Uint8Array(5000).fill(65);
const WANTED = { name: "entmootd", size: CONTENT.length, sha256: sha256(CONTENT) };

/** Unpacks `archive` to a file that is opened as `flags` say. */
async function unpack(archive: Uint8Array, flags = "w"): Promise<void> {
  using directory = new TemporaryDirectory();
  const path = join(directory.path, "archive");
  writeFileSync(path, archive);
  writeFileSync(join(directory.path, "to"), "");
  const file = openSync(join(directory.path, "to"), flags);
  try {
    await unpackBinary(path, WANTED, file);
  } finally {
    closeSync(file);
  }
}

/** The header of a tar with its checksum made right again. */
function withHeader(change: (header: Buffer) => void): Uint8Array {
  const tar = Buffer.from(
    Bun.gunzipSync(archiveOf([{ name: "entmootd", content: CONTENT }]) as Uint8Array<ArrayBuffer>),
  );
  change(tar);
  tar.write("        ", 148, "latin1");
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return new Uint8Array(gzipSync(tar));
}

test("a disk that does not take what is unpacked is not the fault of the archive", async () => {
  const archive = archiveOf([{ name: "entmootd", content: CONTENT }]);
  await expect(unpack(archive, "r")).rejects.toThrow(/^EBADF/);
});

test.each<readonly [string, RegExp, Uint8Array]>([
  ["a negative size in base 256", /a number that is none/, withHeader((tar) => tar.fill(0xff, 124, 136))],
  ["a name that goes on after a NUL", /is missing in it/, withHeader((tar) => tar.write("e\0tmootd", 0, "latin1"))],
  ["a folder in the prefix field", /plain names at its root/, withHeader((tar) => tar.write("etc", 345, "latin1"))],
  ["a sparse file", /a sparse file/, withHeader((tar) => tar.write("S", 156, "latin1"))],
  ["the old GNU magic", /expected the ustar format/, withHeader((tar) => tar.write("USTAR", 257, "latin1"))],
])("a tar with %s is refused", async (_what, says, archive) => {
  await expect(unpack(archive)).rejects.toThrow(says);
});

test("two gzip members are read as one stream, so nothing hides behind the first", async () => {
  const tar = Bun.gunzipSync(archiveOf([{ name: "entmootd", content: CONTENT }]) as Uint8Array<ArrayBuffer>);
  await unpack(Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))]));
  const hidden = archiveOf([{ name: "hidden", content: CONTENT }]);
  await expect(unpack(Buffer.concat([gzipSync(tar), hidden]))).rejects.toThrow("goes on after its end");
});
