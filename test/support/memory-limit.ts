import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./eventually.ts";

/** Where groups of processes with a limit of memory are made, and the file that holds it: version 1, else version 2. */
const PLACES = [
  ["/sys/fs/cgroup/memory", "memory.limit_in_bytes"],
  ["/sys/fs/cgroup", "memory.max"],
] as const;

/** A group of processes that may have so many bytes in memory together. Disposing it waits until they are gone. */
export class MemoryLimit implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** `undefined` where this machine permits none. */
  static of(bytes: number): MemoryLimit | undefined {
    for (const [place, file] of PLACES) {
      const path = join(place, `entmoot-test-${process.pid}`);
      try {
        mkdirSync(path);
      } catch {
        continue; // Read-only, or another user's.
      }
      // Where the controller is not handed on, the group has no such file.
      if (existsSync(join(path, file))) {
        writeFileSync(join(path, file), `${bytes}`);
        return new MemoryLimit(path);
      }
      rmdirSync(path);
    }
    return undefined;
  }

  /** What runs `command` with the arguments that follow it in the group. */
  run(...command: string[]): string[] {
    return ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', this.#path, ...command];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await eventually("the group is empty", () => {
      rmdirSync(this.#path);
      return true;
    });
  }
}
