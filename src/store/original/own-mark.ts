import { closeSync, constants, openSync } from "node:fs";
import { join } from "node:path";
import { makeFile } from "../../files/guarded-files.ts";
import { trustedPath } from "../../files/trusted-path.ts";
import { PRIVATE_FILE } from "../private-files.ts";

/** Ours. An empty file below the data root: whoever has it open beside a database of the original is this program, not the original. */
export const OWN_MARK = "esp.ours";

/** Held open by this process while it has the original's `esp.sqlite` open. Where it cannot be made nobody is told. */
export class OwnMark implements Disposable {
  readonly #handle: number | undefined;

  constructor(root: string) {
    const path = join(root, OWN_MARK);
    try {
      makeFile(path, PRIVATE_FILE);
      this.#handle = openSync(trustedPath(path), constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch {
      this.#handle = undefined;
    }
  }

  [Symbol.dispose](): void {
    if (this.#handle !== undefined) closeSync(this.#handle);
  }
}
