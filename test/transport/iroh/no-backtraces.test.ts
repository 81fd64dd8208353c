import { expect, test } from "bun:test";
import { resolve } from "node:path";

const SRC = resolve(import.meta.dir, "../../../src");

/** What native code of a process finds in its environment once the carrier keeps iroh from noting where errors come from. */
const PROGRAM = `
import { dlopen } from "bun:ffi";
import { arch } from "node:process";
import { cLibraries } from "${SRC}/core/c-libraries.ts";
import { withoutBacktraces } from "${SRC}/transport/iroh/no-backtraces.ts";
withoutBacktraces(process.env);
for (const library of cLibraries(arch)) {
  try {
    const { getenv } = dlopen(library, { getenv: { args: ["cstring"], returns: "cstring" } }).symbols;
    console.log(String(getenv(Buffer.from("RUST_LIB_BACKTRACE\\0"))));
    break;
  } catch {}
}
`;

test.each([
  [{ RUST_BACKTRACE: "1" }, "0"],
  [{ RUST_BACKTRACE: "1", RUST_LIB_BACKTRACE: "1" }, "1"],
  [{}, "null"],
])("with %j iroh reads %s", (env, found) => {
  const run = Bun.spawnSync([process.execPath, "-e", PROGRAM], { env: { PATH: process.env.PATH, ...env } });
  expect(run.stderr.toString()).toBe("");
  expect(run.stdout.toString().trim()).toBe(found);
});
