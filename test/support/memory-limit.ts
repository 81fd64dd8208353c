import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY } from "./binary.ts";

/** Where the kernel's memory controller is, and what its limit is called; of the older layout and of the one of today. */
const LAYOUTS = [
  { root: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes", kills: "memory.oom_control" },
  { root: "/sys/fs/cgroup", limit: "memory.max", kills: "memory.events" },
] as const;

/** A group of processes that together may have so many bytes of memory; disposing it needs them to have ended. */
export class MemoryLimit implements Disposable {
  readonly #folder: string;
  readonly #kills: string;

  constructor(bytes: number) {
    const name = `entmoot-test-${process.pid}-${crypto.randomUUID()}`;
    for (const { kills, limit, root } of LAYOUTS) {
      const folder = join(root, name);
      this.#folder = folder;
      this.#kills = join(folder, kills);
      try {
        mkdirSync(folder);
      } catch {
        continue;
      }
      if (existsSync(join(folder, limit))) {
        writeFileSync(join(folder, limit), `${bytes}`);
        return;
      }
      rmdirSync(folder);
    }
    throw new Error("needs a memory controller of the kernel that may be set");
  }

  /** The program, in that group. */
  get command(): readonly string[] {
    return ["sh", "-c", `echo $$ >'${this.#folder}/cgroup.procs'; exec "$0" "$@"`, BINARY];
  }

  /** How many processes the kernel ended for want of memory. */
  get killed(): number {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync(this.#kills, "utf8"))?.[1] ?? 0);
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#folder);
  }
}

/** What this machine lacks for it; `undefined` for nothing. */
export function memoryLimitMissing(): string | undefined {
  try {
    using _ = new MemoryLimit(2 ** 30);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
