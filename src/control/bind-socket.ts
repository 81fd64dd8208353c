import { chmodSync, existsSync, lstatSync, unlinkSync } from "node:fs";
import { dirname } from "node:path";
import type { UnixSocketListener } from "bun";
import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { giveNameToOwnerOfFolder } from "../store/owner.ts";
import { dial } from "./dial.ts";
import { SocketStream } from "./socket-stream.ts";

/**
 * Listens on the Unix socket `path`, readable and writable by its owner only from the first moment. A socket that
 * nobody listens on any more is replaced; one that answers is somebody's. The runtime binds paths longer than the 108
 * bytes of the system's address, by way of the folder. Throws `already_running` for a socket in use, and
 * `data_root_invalid` saying why when the path cannot be bound.
 */
export async function bindSocket(
  path: string,
  clock: Clock,
  opened: (stream: SocketStream) => void,
): Promise<UnixSocketListener<SocketStream>> {
  await removeStale(path, clock);
  const before = process.umask(0o177);
  try {
    const listener = Bun.listen({ unix: path, allowHalfOpen: true, socket: SocketStream.handlers(opened) });
    // Some file systems (macOS, network mounts) ignore the umask for sockets.
    chmodSync(path, 0o600);
    giveNameToOwnerOfFolder(path);
    return listener;
  } catch (cause) {
    const why = existsSync(dirname(path)) ? textOf(cause) : `there is no folder ${dirname(path)}`;
    throw new EntmootError("data_root_invalid", `control socket ${path}: cannot listen: ${why}`, { cause });
  } finally {
    process.umask(before);
  }
}

async function removeStale(path: string, clock: Clock): Promise<void> {
  try {
    const found = lstatSync(path);
    if (!found.isSocket()) {
      throw new EntmootError(
        "data_root_invalid",
        `control socket ${path}: expected a socket or nothing there, found a file; move it away`,
      );
    }
    const listening = await dial(path, clock).catch((error: unknown) => error);
    if (listening !== undefined) {
      if (listening instanceof SocketStream) listening.destroy();
      throw new EntmootError(
        "already_running",
        `control socket ${path}: another program answers on it; end that one first, or choose another place`,
      );
    }
    unlinkSync(path);
  } catch (cause) {
    if (cause instanceof EntmootError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new EntmootError("data_root_invalid", `control socket ${path}: remove stale socket: ${textOf(cause)}`, {
      cause,
    });
  }
}
