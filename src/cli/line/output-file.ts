import { fsyncSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EntmootError } from "../../core/errors.ts";
import { codeOf } from "../../core/system-error.ts";
import { NewFile, removeFile, syncPath } from "../../files/guarded-files.ts";
import { fileFailure, isThere, PRIVATE_FILE } from "../../store/private-files.ts";

/** A file that a command writes: under another name until it is whole, 0600, over nothing unless told to. */
export class OutputFile implements Disposable {
  readonly path: string;
  readonly #file: NewFile;
  readonly #mayReplace: boolean;
  #bytes = 0;

  /** Throws `conflict` where something stands at `path`, unless it may be replaced; `data_root_invalid`, `disk_full`. */
  constructor(path: string, { mayReplace }: { readonly mayReplace: boolean }) {
    this.path = resolve(path);
    this.#mayReplace = mayReplace;
    if (!mayReplace && isThere(this.path)) throw standsThere(this.path);
    const part = `${this.path}.part`;
    this.#file = guarded(this.path, () => {
      removeFile(part);
      return new NewFile(part, PRIVATE_FILE);
    });
  }

  get bytes(): number {
    return this.#bytes;
  }

  write(bytes: Uint8Array): void {
    guarded(this.path, () => this.#file.write(bytes));
    this.#bytes += bytes.length;
  }

  /** It is whole: durable under its name on return. */
  finish(): void {
    guarded(this.path, () => {
      fsyncSync(this.#file.handle);
      if (this.#mayReplace) this.#file.replace(this.path);
      else this.#file.link(this.path);
    });
    try {
      syncPath(dirname(this.path));
    } catch {
      // Some file systems refuse to sync a folder.
    }
  }

  /** What was not finished goes. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

function guarded<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST") throw standsThere(path);
    if (code === "ENOENT") throw elsewhere(path, "its folder is not there; make it first, or choose another file");
    if (code === "EROFS") throw elsewhere(path, "the file system is read-only; choose another file");
    throw fileFailure(error, path);
  }
}

function elsewhere(path: string, why: string): EntmootError {
  return new EntmootError("data_root_invalid", `${path}: ${why}`);
}

function standsThere(path: string): EntmootError {
  return new EntmootError("conflict", `${path}: something stands there already; name another file, or add -force`);
}
