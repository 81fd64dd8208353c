import { dlopen } from "bun:ffi";
import { arch } from "node:process";
import { cLibraries } from "../../core/c-libraries.ts";

/** By which Rust's libraries are told apart from panics, which go on showing theirs. */
const NAME = "RUST_LIB_BACKTRACE";

/**
 * Keeps iroh from noting for each of its errors, as of a dial that failed, from where it came: with `RUST_BACKTRACE` set, as
 * people have it who write Rust, the first one reads all debugging information of the process, which stays in memory, some
 * 30 MB. Call before the library is loaded. Whoever sets `RUST_LIB_BACKTRACE` too has it as they say.
 */
export function withoutBacktraces(env: Readonly<Record<string, string | undefined>>): void {
  if (env.RUST_BACKTRACE === undefined || env[NAME] !== undefined) return;
  for (const library of cLibraries(arch)) {
    try {
      const { setenv } = dlopen(library, { setenv: { args: ["cstring", "cstring", "i32"], returns: "i32" } }).symbols;
      // What this process sets of its environment by itself is not seen by native code.
      setenv(Buffer.from(`${NAME}\0`), Buffer.from("0\0"), 0);
      return;
    } catch {
      // Another system's name for it.
    }
  }
}
