/*
 * An executable made by Bun still listens to its runtime's own variables: with one it is Bun itself and runs any script,
 * with another it loads files before the program, with a third it opens a debugger to whoever connects. No option of the build
 * turns that off. So their names are made unsayable in the runtime that is built in: nobody can set a variable whose name
 * begins with a NUL. The places keep their length, so nothing else moves.
 */

/** Each is also the beginning of others: `BUN_INSPECT_PRELOAD`. Of each the runtime has one, or it cannot be held to this. */
const NAMES = ["BUN_BE_BUN", "BUN_OPTIONS", "BUN_INSPECT"];

/** Changes `runtime` so that none of these variables has an effect on it. Throws when it does not know one of them. */
export function disarmRuntime(runtime: Buffer): void {
  for (const name of NAMES) {
    const found = [Buffer.from(name, "latin1"), Buffer.from(name, "utf16le")].map((bytes) => silence(runtime, bytes));
    if (found.every((count) => count === 0)) {
      throw new Error(
        `runtime: expected the name ${name} in it, found none; see what it is called by now, or whether it is gone`,
      );
    }
  }
}

function silence(runtime: Buffer, name: Buffer): number {
  let count = 0;
  for (let at = runtime.indexOf(name); at >= 0; at = runtime.indexOf(name, at + 1)) {
    runtime[at] = 0;
    count += 1;
  }
  return count;
}
