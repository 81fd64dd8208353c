import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readTar, unpackTar } from "../../src/conformance/tar.ts";
import { expectCode } from "../support/expect-code.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

interface Header {
  readonly path: string;
  readonly type?: string;
  readonly content?: string;
  readonly size?: string;
  readonly prefix?: string;
  readonly magic?: string;
}

function entry({ path, type = "0", content = "", size, prefix = "", magic = "ustar" }: Header): Uint8Array {
  const bytes = Buffer.alloc(512 + Math.ceil(content.length / 512) * 512);
  bytes.write(path, 0);
  bytes.write("0000600\0", 100);
  bytes.write(size ?? `${content.length.toString(8).padStart(11, "0")}\0`, 124);
  bytes.write(type, 156);
  bytes.write(`${magic}\x0000`, 257);
  bytes.write(prefix, 345);
  bytes.write("        ", 148);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  bytes.write(content, 512);
  return bytes;
}

function archive(...headers: Header[]): Uint8Array {
  return Buffer.concat([...headers.map(entry), Buffer.alloc(1024)]);
}

describe("an archive", () => {
  test("gives its files and directories with modes and content", () => {
    using directory = new TemporaryDirectory();
    const entries = readTar(archive({ path: "a/", type: "5" }, { path: "b", prefix: "a", content: "x".repeat(600) }));
    unpackTar(entries, directory.path);
    expect(readdirSync(directory.path, { recursive: true })).toEqual(["a", "a/b"]);
    expect(readFileSync(join(directory.path, "a/b"), "utf8")).toBe("x".repeat(600));
    expect(() => unpackTar([{ path: "a/b", mode: 0o600, content: new Uint8Array(1) }], directory.path)).toThrow();
  });

  test.each([
    { path: "../x" },
    { path: "/etc/x" },
    { path: "a/../../x" },
    { path: "./x" },
    { path: "a//x" },
    { path: "" },
    { path: "x", prefix: "/abs" },
    { path: "x", type: "1" },
    { path: "x", type: "2" },
    { path: "x", type: "3" },
    { path: "x", type: "x" },
    { path: "x", size: "99999999999\0" },
    { path: "x", size: "00000100000\0" },
    { path: "x", magic: "other" },
  ])("with %j is refused", (header) => {
    expectCode("invalid_argument", () => readTar(archive(header)));
  });

  test("that is cut short or has a flipped bit is refused", () => {
    const whole = archive({ path: "x", content: "hello" });
    for (const length of [0, 100, 512, 700, 1024, 1500]) {
      if (length < whole.length - 1024 || length % 512 !== 0) {
        expectCode("invalid_argument", () => readTar(whole.subarray(0, length)));
      }
    }
    const flipped = Uint8Array.from(whole);
    flipped[3]! ^= 1;
    expectCode("invalid_argument", () => readTar(flipped));
  });
});
