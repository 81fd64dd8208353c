import { expect, test } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { programName, programPath } from "../../src/host/program-name.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

test("the program is entmootd where PATH leads to it, else what was typed where that leads to it, else its path", () => {
  using folder = new TemporaryDirectory();
  const executable = join(folder.path, "entmootd-1.2");
  writeFileSync(executable, "");
  chmodSync(executable, 0o755);
  const bin = join(folder.path, "bin");
  mkdirSync(bin);
  symlinkSync(executable, join(bin, "entmootd"));
  symlinkSync(executable, join(bin, "moot"));
  const start = (argv0: string, PATH = "") => ({
    isCompiled: true,
    argv0,
    executable,
    which: (name: string) => Bun.which(name, { PATH }),
  });
  expect(programName(start("moot", bin))).toBe("entmootd");
  expect(programName({ ...start("anything"), isCompiled: false })).toBe("entmootd");
  expect(programName(start("/nowhere/entmootd"))).toBe(executable);
  const typed = relative(process.cwd(), join(bin, "moot"));
  expect(programName(start(typed))).toBe(typed);
  expect(programPath(start(typed))).toBe(join(bin, "moot"));
  expect(programPath(start("moot", bin))).toBe("entmootd");
  // Another program of that name is not this one.
  writeFileSync(join(folder.path, "entmootd"), "");
  chmodSync(join(folder.path, "entmootd"), 0o755);
  expect(programName(start("entmootd", folder.path))).toBe(executable);
});
