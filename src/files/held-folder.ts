import { closeSync, constants, existsSync, fstatSync, openSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { EntmootError } from "../core/errors.ts";
import type { Owner } from "./owner.ts";
import { trustedPath } from "./trusted-path.ts";

/**
 * A folder that is held on to while names in it are made, renamed or removed, so that nobody can put another one in its
 * place meanwhile. Where the system has no names for what is held, by its path without links.
 */
export class HeldFolder implements Disposable {
  /** To whom what is made here belongs; `undefined` where this process acts for itself. */
  readonly owner: Owner | undefined;
  /** `undefined` where nobody but us and root could put another one in its place: descriptors may be few. */
  #handle: number | undefined;
  readonly #path: string;

  /** Throws `data_root_invalid` for a link that is not to be followed, and the system's errors. */
  constructor(path: string) {
    const real = trustedPath(path);
    const mine = process.geteuid?.();
    if (isOurs(real, mine)) {
      const { gid, uid } = statSync(real);
      this.owner = mine === 0 ? { uid, gid } : undefined;
      this.#path = real;
      return;
    }
    this.#handle = openSync(real, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      const { gid, uid } = fstatSync(this.#handle);
      this.owner = mine === 0 ? { uid, gid } : undefined;
      const held = `/proc/self/fd/${this.#handle}`;
      this.#path = existsSync(`${held}/.`) ? held : real;
    } catch (error) {
      closeSync(this.#handle);
      throw error;
    }
  }

  /** The folder that `path` is in. */
  static of(path: string): HeldFolder {
    return new HeldFolder(dirname(resolve(path)));
  }

  /** Runs `work` with the name under which the system finds what is at `path`, whatever becomes of the folder's own. */
  static at<T>(path: string, work: (name: string, folder: HeldFolder) => T): T {
    using folder = HeldFolder.of(path);
    return work(folder.name(path), folder);
  }

  /** The name of `path`, which must be in this folder, for the system. */
  name(path: string): string {
    const name = basename(resolve(path));
    if (name === "" || name === "..") throw new EntmootError("internal", `${path}: expected a name in a folder`);
    return join(this.#path, name);
  }

  [Symbol.dispose](): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
    this.#handle = undefined;
  }
}

/** Whether only this user and root can change what the folders on the way to `real` are. */
function isOurs(real: string, mine: number | undefined): boolean {
  for (let at = real; ; at = dirname(at)) {
    const { mode, uid } = statSync(at);
    const othersWrite = (mode & 0o022) !== 0 && (mode & 0o1000) === 0;
    if ((uid !== 0 && uid !== mine) || othersWrite) return false;
    if (at === dirname(at)) return true;
  }
}
