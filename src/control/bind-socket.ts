import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import type { UnixSocketListener } from "bun";
import { EntmootError } from "../core/errors.ts";
import { SocketStream } from "./socket-stream.ts";

/**
 * Listens on the Unix socket `path`, readable and writable by its owner only from the first moment. A socket
 * left by a process that died is replaced: the caller holds the lock of the data root, so nobody else listens.
 * The runtime binds paths longer than the 108 bytes of the system's address, by way of the folder.
 * Throws `data_root_invalid` saying why when the path cannot be bound.
 */
export function bindSocket(path: string, opened: (stream: SocketStream) => void): UnixSocketListener<SocketStream> {
  removeStale(path);
  const before = process.umask(0o177);
  try {
    const listener = Bun.listen({ unix: path, allowHalfOpen: true, socket: SocketStream.handlers(opened) });
    // Some file systems (macOS, network mounts) ignore the umask for sockets.
    chmodSync(path, 0o600);
    return listener;
  } catch (cause) {
    throw new EntmootError("data_root_invalid", `control socket ${path}: cannot listen: ${reason(cause)}`, { cause });
  } finally {
    process.umask(before);
  }
}

function removeStale(path: string): void {
  try {
    const found = lstatSync(path);
    if (!found.isSocket()) {
      throw new EntmootError(
        "data_root_invalid",
        `control socket ${path}: expected a socket or nothing there, found a file; move it away`,
      );
    }
    unlinkSync(path);
  } catch (cause) {
    if (cause instanceof EntmootError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new EntmootError("data_root_invalid", `control socket ${path}: remove stale socket: ${reason(cause)}`, {
      cause,
    });
  }
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
