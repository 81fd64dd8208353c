import { expect, test } from "bun:test";
import { storeCommand } from "../support/store-process.ts";
import { TemporaryDirectory } from "../support/temporary-directory.ts";

/** Mounts a file system of 3 MB over the directory $0 in a namespace of its own, and runs the rest in it. */
const IN_A_SMALL_DISK = 'mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"';

function inSmallDisk(path: string, command: readonly string[]) {
  return Bun.spawnSync(["unshare", "-m", "sh", "-c", IN_A_SMALL_DISK, path, ...command]);
}

/** Mounting takes privileges that a developer's machine may not give. */
function canMount(): boolean {
  if (process.platform !== "linux" || Bun.which("unshare") === null) return false;
  using directory = new TemporaryDirectory();
  return inSmallDisk(directory.path, ["true"]).exitCode === 0;
}

test.skipIf(!canMount())(
  "a full disk is told, nothing half written stays, and writing goes on once there is room",
  () => {
    using directory = new TemporaryDirectory();
    const { stdout, stderr } = inSmallDisk(directory.path, storeCommand("fill", directory.path));
    expect(stderr.toString()).toBe("");
    const { stored, ...found } = JSON.parse(stdout.toString());
    expect(stored).toBeGreaterThan(100);
    expect(found).toEqual({
      full: "disk_full",
      again: "disk_full",
      other: "disk_full",
      size: stored,
      seq: stored,
      next: stored + 1,
      after: stored + 16,
      root: true,
    });
  },
);
