import { expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { realClock } from "../../src/host/real-clock.ts";
import { tryBinary, versionOf } from "../../src/update/try-binary.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** A program of these lines of shell. */
function program(home: string, lines: string): string {
  const path = join(home, "entmootd");
  writeFileSync(path, `#!/bin/sh\n${lines}\n`);
  chmodSync(path, 0o755);
  return path;
}

const VERSION = 'if [ "$1" = version ]; then echo \'{"version":"v1.0.0"}\'; exit 0; fi';

test("a new executable that hangs in its self-test is ended, and refused", async () => {
  using home = new TemporaryDirectory();
  const path = program(home.path, `${VERSION}\necho $$ > "${join(home.path, "pid")}"\nexec sleep 600`);
  const trying = tryBinary(path, "v1.0.0", { clock: realClock, tryMs: 500 });
  await expect(trying).rejects.toMatchObject({ message: expect.stringContaining("it hangs; nothing within 500 ms") });
  const pid = Number(readFileSync(join(home.path, "pid"), "utf8"));
  const isOver = () => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  for (let look = 0; look < 200 && !isOver(); look++) await Bun.sleep(10);
  expect(isOver()).toBe(true);
});

test("one that talks without end is ended too", async () => {
  using home = new TemporaryDirectory();
  const path = program(home.path, "exec yes");
  await expect(versionOf(path, realClock, 5_000)).rejects.toMatchObject({ code: "update_failed" });
});

test("it gets none of our settings", async () => {
  using home = new TemporaryDirectory();
  process.env.ENTMOOT_PROOF = "secret";
  try {
    const path = program(home.path, "echo '{\"version\":\"v'$ENTMOOT_PROOF'none\"}'");
    expect(await versionOf(path, realClock)).toBe("vnone");
  } finally {
    delete process.env.ENTMOOT_PROOF;
  }
});

test("one that could never be updated again is refused", async () => {
  using home = new TemporaryDirectory();
  const carrying = (keys: string) => program(home.path, `${VERSION}\necho '{"ok":true,"release_keys":${keys}}'`);
  await tryBinary(carrying("1"), "v1.0.0", { clock: realClock });
  await expect(tryBinary(carrying("0"), "v1.0.0", { clock: realClock })).rejects.toMatchObject({
    code: "update_failed",
    message: expect.stringContaining("v1.0.0 carries no release keys, so no update could ever follow it"),
  });
});
