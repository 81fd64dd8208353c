import { lstatSync } from "node:fs";
import { durationText } from "../core/amounts.ts";
import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { OutOfFiles } from "../store/store-failures.ts";
import { atMost, pause } from "../transport/wait.ts";
import { SocketStream } from "./socket-stream.ts";

/** Wire. How long a client waits for the socket to accept. */
const DIAL_MS = 500;
/** Ours. Tries, and between two of them, where a daemon that is out of places hangs up before it has said so. */
const HUNG_UP_TRIES = 3;
const HUNG_UP_PAUSE_MS = 50;

/**
 * A connection to whoever listens on the Unix socket `path`, or `undefined` when nobody does. Throws
 * `control_unavailable` when the socket is there and may not be used, or does not accept in time, `data_root_invalid` when
 * its path is too long, and `OutOfFiles`.
 */
export async function dial(path: string, clock: Clock): Promise<SocketStream | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await dialOnce(path, clock);
    } catch (error) {
      const isHungUp = error instanceof EntmootError && codeOf(error.cause) === "ECONNRESET";
      if (!isHungUp || tries === HUNG_UP_TRIES) throw error;
      await pause(clock, HUNG_UP_PAUSE_MS);
    }
  }
}

async function dialOnce(path: string, clock: Clock): Promise<SocketStream | undefined> {
  // The runtime reaches a long path by way of its folder; where that is not there, it only says that the path is too long.
  if (isNowhere(path)) return undefined;
  let stream: SocketStream | undefined;
  const connected = Bun.connect({
    unix: path,
    allowHalfOpen: true,
    socket: SocketStream.handlers((it) => (stream = it)),
  });
  try {
    await atMost(clock, DIAL_MS, connected);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return undefined;
    if (code === "EINVAL" || code === "ENAMETOOLONG") {
      const found = `this path has ${Buffer.byteLength(path)} bytes, more than a socket's may have`;
      throw new EntmootError(
        "data_root_invalid",
        `control socket ${path}: ${found}; choose a data root with a shorter path`,
        { cause },
      );
    }
    if (code === "EMFILE" || code === "ENFILE") throw new OutOfFiles(`control socket ${path}`, { cause });
    const isRefused = code === "EACCES" || code === "EPERM";
    const reason = isRefused ? await whoseIs(path, code) : (code ?? textOf(cause));
    throw new EntmootError("control_unavailable", `control socket ${path}: cannot be used: ${reason}`, { cause });
  }
  if (stream !== undefined) return stream;
  // Whoever accepts later finds nobody.
  void connected.then((socket) => socket.terminate()).catch(() => {});
  throw new EntmootError(
    "control_unavailable",
    `control socket ${path}: nobody accepted within ${durationText(DIAL_MS)}`,
  );
}

/** Loaded only for a refusal. */
async function whoseIs(path: string, code: string): Promise<string> {
  const { noPermission } = await import("../store/private-files.ts");
  return noPermission(path, code);
}

/** Whether it is certain that nothing stands at `path`. */
function isNowhere(path: string): boolean {
  try {
    lstatSync(path);
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR";
  }
}
