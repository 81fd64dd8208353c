import { closeSync, existsSync, openSync, readSync } from "node:fs";
import type { Platform } from "./find-release.ts";
import { updateError } from "./update-error.ts";

/** Ours. The head of an executable names the loader it needs. */
const HEAD_BYTES = 4096;

/** The build that the executable `path` is, or that this machine needs where there is none yet. Throws `update_failed`. */
export function platformOfBinary(path: string): Platform {
  const arch = { x64: "amd64", arm64: "arm64" }[process.arch as string] as Platform["arch"] | undefined;
  if (arch === undefined) throw updateError(`no releases are built for this processor (${process.arch})`);
  switch (process.platform) {
    case "linux":
      return { os: "linux", arch, libc: usesMusl(path) ? "musl" : "glibc" };
    case "darwin":
      return { os: "darwin", arch, libc: "" };
    default:
      throw updateError(
        `on ${process.platform} a program cannot replace itself while it runs; install the release by hand`,
      );
  }
}

function usesMusl(path: string): boolean {
  for (const binary of [path, "/bin/sh"]) {
    if (!existsSync(binary)) continue;
    const head = readHead(binary);
    if (head.includes("/ld-musl-")) return true;
    if (head.includes("/ld-linux-")) return false;
  }
  return ["x86_64", "aarch64"].some((name) => existsSync(`/lib/ld-musl-${name}.so.1`));
}

function readHead(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(file, head)).toString("latin1");
  } catch {
    return ""; // Not ours to read: the others tell.
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
