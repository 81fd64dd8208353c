import { join } from "node:path";

/** Why mounts cannot be tried here; `undefined` when they can. */
export function mountsMissing(): string | undefined {
  try {
    const { success } = Bun.spawnSync(["unshare", "-m", "sh", "-c", "mount -t tmpfs tmpfs /mnt"], { stderr: "ignore" });
    return success ? undefined : "needs mount namespaces, which this machine does not permit";
  } catch {
    return "needs unshare";
  }
}

/** This process runs in a mount namespace of its own, so nobody else sees the mount. */
export function mountTmpfs(path: string, options: string): Disposable & { readonly path: string } {
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path]);
  if (!mounted.success) throw new Error(`mount: ${mounted.stderr}`);
  return {
    path,
    [Symbol.dispose]() {
      Bun.spawnSync(["umount", "-l", path]);
    },
  };
}

/** Writes until the file system has so much left. */
export function fill(path: string, leftKiB = 256): void {
  const { stdout } = Bun.spawnSync(["df", "--output=avail", "-k", join(path, "..")]);
  const freeKiB = Number(stdout.toString().trim().split("\n").at(-1));
  const filled = Bun.spawnSync(["dd", "if=/dev/zero", `of=${path}`, "bs=1024", `count=${freeKiB - leftKiB}`]);
  if (!filled.success) throw new Error(`dd: ${filled.stderr}`);
}
