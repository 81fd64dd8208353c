import { expect, test } from "bun:test";
import { storeCommand } from "../support/store-process.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Mounts an empty read-only file system over the directory $0 in a namespace of its own, and runs the rest there. */
const ON_A_READ_ONLY_DISK = 'mount -t tmpfs -o ro tmpfs "$0" && exec "$@"';

function onReadOnlyDisk(path: string, command: readonly string[]) {
  return Bun.spawnSync(["unshare", "-m", "sh", "-c", ON_A_READ_ONLY_DISK, path, ...command]);
}

/** Mounting takes privileges that a developer's machine may not give. */
function canMount(): boolean {
  if (process.platform !== "linux" || Bun.which("unshare") === null) return false;
  using directory = new TemporaryDirectory();
  return onReadOnlyDisk(directory.path, ["true"]).exitCode === 0;
}

test.skipIf(!canMount())("a data root on a read-only file system is refused by name", () => {
  for (const mode of ["root", "lock"]) {
    using directory = new TemporaryDirectory();
    const { stdout } = onReadOnlyDisk(directory.path, storeCommand(mode, directory.path));
    expect(stdout.toString()).toStartWith(`data_root_invalid: ${directory.path}/`);
    expect(stdout.toString()).toContain("the file system is read-only");
  }
});
