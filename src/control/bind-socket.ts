import { existsSync, lstatSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { EntmootError, textOf } from "../core/errors.ts";
import { codeOf } from "../core/system-error.ts";
import { moveFile, moveToFree, removeFile } from "../files/guarded-files.ts";
import { giveSocket, ownerFor } from "../files/owner.ts";
import { trustedPath } from "../files/trusted-path.ts";
import { canOpen } from "../store/descriptors.ts";
import { noPermission } from "../store/private-files.ts";
import { OutOfFiles } from "../store/store-failures.ts";
import { dial } from "./dial.ts";
import { SocketStream } from "./socket-stream.ts";
import { whoAnswers } from "./who-answers.ts";

/** Ours. Sockets found dead and cleared away in one binding: whoever leaves more behind meanwhile is alive. */
const STALE_MAX = 3;

/** Ours. What binding opens at a time: the socket, and the dial that asks who is there. */
const FILES_TO_BIND = 2;

/** Wire with Linux. The longest path of a socket, in bytes; of a longer one the runtime names the folder by its descriptor. */
const PATH_BYTES_MAX = 107;
/** Wire with Linux. What that leaves for the name itself. */
const NAME_BYTES_MAX = 90;

/** Ours. Connections taken before everything else has its turn: more than come at once of honest ones, some 0.1 ms each. */
const ACCEPTED_A_ROUND = 400;

/** A socket that is listened on. */
export interface BoundSocket {
  /** What tells its file from another at its place; `undefined` when none could be seen. */
  readonly file: string | undefined;
  /** Takes no more connections, with `closeOpen` ends those there are, and removes the socket, unless its place is another's by now. */
  stop(closeOpen: boolean): void;
}

/**
 * Listens on the Unix socket `path`, readable and writable by its owner only from the first moment. A socket that
 * nobody listens on any more is replaced; one that answers is somebody's, and nothing that stands at `path` is ever
 * replaced unseen.
 * Throws `already_running` naming who uses the socket, `OutOfFiles`, and `data_root_invalid` saying why when the path cannot be bound.
 */
export async function bindSocket(
  path: string,
  clock: Clock,
  opened: (stream: SocketStream) => void,
): Promise<BoundSocket> {
  requireShort(path);
  await removeStale(path, clock);
  const own = ownName(path);
  const place = new ListeningPlace(path, clock, opened);
  let listener: Listening | undefined;
  try {
    listener = place.listen(own);
    for (let found = 1; !takePlace(own, path); found++) {
      if (found === STALE_MAX) throw new Error("other programs bind it at the same time");
      await removeStale(path, clock);
    }
    place.stand(listener);
    return place;
  } catch (cause) {
    listener?.stop(true);
    removeOwn(own);
    if (cause instanceof EntmootError) throw cause;
    // The runtime says only that it could not.
    if (!canOpen(FILES_TO_BIND)) throw new OutOfFiles(`control socket ${path}`, { cause });
    throw new EntmootError("data_root_invalid", `control socket ${path}: cannot listen: ${whyNot(path, cause)}`, {
      cause,
    });
  }
}

function requireShort(path: string): void {
  const [bytes, nameBytes] = [path, basename(path)].map((text) => Buffer.byteLength(text)) as [number, number];
  if (bytes <= PATH_BYTES_MAX || nameBytes <= NAME_BYTES_MAX) return;
  throw new EntmootError(
    "data_root_invalid",
    `control socket ${path}: a socket's path may have at most ${PATH_BYTES_MAX} bytes, or its name at most ${NAME_BYTES_MAX}; found ${bytes} and ${nameBytes}; choose a shorter one`,
  );
}

/** Gives the reason and the next step. */
function whyNot(path: string, cause: unknown): string {
  const code = codeOf(cause);
  switch (code) {
    case "EACCES":
    case "EPERM":
      return `${noPermission(path, code)}; choose another place, or check its owner and mode`;
    case "EROFS":
      return "the file system is read-only; choose another place, or mount it writable";
    case "ENOSPC":
    case "EDQUOT":
      return "no room left to write; free space, or choose another place";
    case "EINVAL":
    case "ENAMETOOLONG":
      return `this path has ${Buffer.byteLength(path)} bytes, more than a socket's may have here; choose a shorter one`;
    default:
      return existsSync(dirname(path)) ? textOf(cause) : `there is no folder ${dirname(path)}`;
  }
}

/** Where nothing can be written, nothing was made. */
function removeOwn(own: string): void {
  try {
    removeFile(own);
  } catch {
    // Why it could not be bound tells more.
  }
}

/** The runtime removes, by its name, what it bound: that name is nobody else's, and short whatever `path` is. */
function ownName(path: string): string {
  return join(trustedPath(dirname(path)), `.sock.${crypto.randomUUID().slice(0, 8)}`);
}

type Listening = ReturnType<typeof listen>;

/** The mask is the whole process's: nothing is awaited under it. */
function listen(path: string, opened: (stream: SocketStream) => void) {
  const before = process.umask(0o177);
  try {
    const listener = Bun.listen({ unix: path, allowHalfOpen: true, socket: SocketStream.handlers(opened) });
    giveSocket(path, 0o600, ownerFor(dirname(path)));
    return listener;
  } finally {
    process.umask(before);
  }
}

/** Gives the socket its name; `false` when something stands there. */
function takePlace(own: string, path: string): boolean {
  try {
    moveToFree(own, path);
  } catch (cause) {
    if (isThere(path)) return false;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") throw cause;
    // A file system without links.
    moveFile(own, path);
  }
  return true;
}

/**
 * Listens at a path. The runtime takes connections as long as there is a further one: whoever connects again and again
 * would let nothing else happen. What ends that is that the socket is closed, so another takes its place: those who wait
 * at the old one connect again.
 */
class ListeningPlace implements BoundSocket {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #opened: (stream: SocketStream) => void;
  #listener: Listening | undefined;
  #file: string | undefined;
  /** Connections taken in this round of the event loop. */
  #accepted = 0;

  constructor(path: string, clock: Clock, opened: (stream: SocketStream) => void) {
    this.#path = path;
    this.#clock = clock;
    this.#opened = opened;
  }

  get file(): string | undefined {
    return this.#file;
  }

  listen(own: string): Listening {
    return listen(own, (stream) => {
      this.#count();
      this.#opened(stream);
    });
  }

  /** `listener` has the place. */
  stand(listener: Listening): void {
    this.#listener = listener;
    this.#file = fileAt(this.#path);
  }

  stop(closeOpen: boolean): void {
    // Before it is closed, for then the number of its file may become another's.
    if (this.#file !== undefined && fileAt(this.#path) === this.#file) removeFile(this.#path);
    this.#file = undefined;
    this.#listener?.stop(closeOpen);
    this.#listener = undefined;
  }

  #count(): void {
    if (this.#accepted === 0) {
      this.#clock.after(0, () => {
        this.#accepted = 0;
      });
    }
    this.#accepted += 1;
    if (this.#accepted % ACCEPTED_A_ROUND === 0) this.#listenAnew();
  }

  #listenAnew(): void {
    const before = this.#listener;
    if (before === undefined || this.#file === undefined || fileAt(this.#path) !== this.#file) return;
    const own = ownName(this.#path);
    let fresh: Listening | undefined;
    try {
      fresh = this.listen(own);
      moveFile(own, this.#path);
    } catch {
      // It is listened on as before.
      fresh?.stop(true);
      removeOwn(own);
      return;
    }
    this.stand(fresh);
    before.stop(false);
  }
}

/** What tells the file at `path` from another one there; `undefined` when none can be seen. */
export function fileAt(path: string): string | undefined {
  try {
    const { birthtimeNs, dev, ino } = lstatSync(path, { bigint: true });
    return `${dev} ${ino} ${birthtimeNs}`;
  } catch {
    return undefined; // Binding it again tells what is wrong.
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

async function removeStale(path: string, clock: Clock): Promise<void> {
  try {
    const found = lstatSync(path);
    if (!found.isSocket()) {
      throw new EntmootError(
        "data_root_invalid",
        `control socket ${path}: expected a socket or nothing there, found a ${found.isDirectory() ? "directory" : "file"}; move it away`,
      );
    }
    const who = await whoAnswers(path, clock);
    if (who !== undefined) {
      throw new EntmootError(
        "already_running",
        `control socket ${path}: in use by ${who}; end that one first, or choose another place`,
      );
    }
    // Between the look and now somebody may have come.
    const listening = await dial(path, clock).catch(() => "somebody's");
    if (listening === undefined) removeFile(path);
    else if (listening instanceof SocketStream) listening.destroy();
  } catch (cause) {
    if (cause instanceof EntmootError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new EntmootError("data_root_invalid", `control socket ${path}: remove stale socket: ${textOf(cause)}`, {
      cause,
    });
  }
}
