import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { platformOfBinary } from "../../src/update/platform.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test.skipIf(process.platform !== "linux")("the C library is that of the executable, not that of the machine", () => {
  using home = new TemporaryDirectory();
  for (const [loader, libc] of [
    ["/lib/ld-musl-x86_64.so.1", "musl"],
    ["/lib/ld-linux-aarch64.so.1", "glibc"],
  ] as const) {
    const path = join(home.path, libc);
    writeFileSync(path, `\x7fELF${"\0".repeat(700)}${loader}\0${"\0".repeat(9000)}`);
    expect(platformOfBinary(path)).toMatchObject({ os: "linux", libc });
  }
});
