import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of its own that goes away with everything in it. Its name holds what trips careless programs. */
export class TemporaryDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "entmoot test ?#%20 "));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
