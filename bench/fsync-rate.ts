import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./programs.ts";

/** Ours. What a small commit adds to a write-ahead log: a few pages with their headers. */
const COMMIT_BYTES = 4 * 4120;

/** How many times a second this disk makes an appended commit durable; measured for `ms`. */
export function fsyncsPerSecond(ms: number): number {
  const path = join(temporaryDirectory(), "log");
  const file = openSync(path, "w");
  const commit = new Uint8Array(COMMIT_BYTES);
  try {
    const started = performance.now();
    let count = 0;
    for (; performance.now() - started < ms; count++) {
      // Over and over the same stretch, as a log between two checkpoints: a growing file costs a second write.
      writeSync(file, commit, 0, COMMIT_BYTES, (count % 200) * COMMIT_BYTES);
      fdatasyncSync(file);
    }
    return (count / (performance.now() - started)) * 1000;
  } finally {
    closeSync(file);
    rmSync(path);
  }
}
