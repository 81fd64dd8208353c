import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./programs.ts";

/** Ours. What a small commit adds to a write-ahead log: a few pages with their headers. */
const COMMIT_BYTES = 4 * 4120;

/** How many times a second this disk makes an appended commit durable; measured for `ms`. */
export function fsyncsPerSecond(ms: number): number {
  using log = new SyncedLog();
  const started = performance.now();
  let count = 0;
  for (; performance.now() - started < ms; count++) log.commitMs();
  return (count / (performance.now() - started)) * 1000;
}

/** A file of this disk to which commits are written as to a write-ahead log. */
export class SyncedLog implements Disposable {
  readonly #path = join(temporaryDirectory(), "log");
  readonly #file = openSync(this.#path, "w");
  readonly #commit = new Uint8Array(COMMIT_BYTES);
  #count = 0;

  /** Milliseconds until one more commit is durable. */
  commitMs(): number {
    const started = Bun.nanoseconds();
    // Over and over the same stretch, as a log between two checkpoints: a growing file costs a second write.
    writeSync(this.#file, this.#commit, 0, COMMIT_BYTES, (this.#count++ % 200) * COMMIT_BYTES);
    fdatasyncSync(this.#file);
    return (Bun.nanoseconds() - started) / 1e6;
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
    rmSync(this.#path);
  }
}
