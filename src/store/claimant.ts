import { existsSync } from "node:fs";
import { join } from "node:path";
import { removeFile } from "../files/guarded-files.ts";
import { FileLock } from "./lock.ts";

/** Ours. Whoever only asks has the lock for an instant. */
const ASKING_MS = 200;
const NAME = /^[0-9a-f]{32}$/;

/** A name in a data root that is this process's, and nobody's once it is gone however it ended, whatever clocks say. */
export class Claimant implements Disposable {
  readonly #root: string;
  readonly #name = crypto.getRandomValues(new Uint8Array(16)).toHex();
  #lock: FileLock | undefined;

  /** Makes nothing yet. */
  constructor(root: string) {
    this.#root = root;
  }

  /** The name, held from the first time on. Throws `disk_full`, `data_root_invalid`. */
  name(): string {
    this.#lock ??= FileLock.tryAcquire(pathOf(this.#root, this.#name), ASKING_MS);
    return this.#name;
  }

  isOwn(name: string): boolean {
    return name === this.#name;
  }

  /** Whether the process with the name lives. What a dead one left is taken away. */
  isAlive(name: string): boolean {
    if (this.isOwn(name)) return true;
    if (!NAME.test(name)) return false;
    const path = pathOf(this.#root, name);
    if (!existsSync(path)) return false;
    using lock = FileLock.tryAcquire(path, ASKING_MS);
    if (lock === undefined) return true;
    removeFile(path);
    return false;
  }

  [Symbol.dispose](): void {
    if (this.#lock === undefined) return;
    removeFile(pathOf(this.#root, this.#name));
    this.#lock[Symbol.dispose]();
    this.#lock = undefined;
  }
}

const pathOf = (root: string, name: string) => join(root, `esp-claims-${name}.lock`);
