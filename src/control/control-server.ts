import type { Clock, SteadyMs } from "../core/clock.ts";
import type { Log } from "../host/log.ts";
import type { Caller, OperationHost } from "../node/operations/implementation.ts";
import type { Operations } from "../node/operations/operation.ts";
import { canOpen, filesAllowed } from "../store/descriptors.ts";
import { atMost } from "../transport/wait.ts";
import { BodyRoom } from "./body-room.ts";
import { ControlConnection } from "./control-connection.ts";
import { Door } from "./door.ts";
import { KeptSocket } from "./kept-socket.ts";
import { ServedConnection } from "./served-connection.ts";
import type { SocketStream } from "./socket-stream.ts";

/** Ours. Clients at a time; a further one is told to try again, unless one that does nothing can make room. */
const CONNECTIONS_MAX = 256;
/** Ours. Of the files that this process may have open, the part that clients of one socket may be. */
const CLIENTS_SHARE = 1 / 8;
/** Ours. However few files may be open, one client and the next are served. */
const CLIENTS_MIN = 2;
/** Ours. Of the clients of one socket, the part that is kept for those that ask: others wait for what may never come. */
const ASKING_SHARE = 1 / 4;
/** Ours. Clients that wait to be let in: most of those who come and go are gone by then. Where few files may be open, none wait. */
const ARRIVING_MAX = 4 * CONNECTIONS_MAX;
/** Ours. Files that can still be opened beside a client that is let in: without one for the next, nobody could be told. */
const SPARE_FILES = 2;
/** Ours. Between two looks whether a file can be opened, and between two lines of the log that say not. */
const LOOK_EVERY_MS = 1_000;
const TELL_EVERY_MS = 600_000;
/** Ours. How long a client may take over one frame that it has begun. */
const FRAME_MS = 30_000;
/** Ours. How long running calls have at the end of the daemon. */
const FINISH_MS = 2_000;

/** How every refusal for want of a place begins. */
const FULL = "the daemon is full";

export interface ControlServerOptions {
  /** Where to listen: `<data>/control.sock`, or the agents' socket. */
  readonly path: string;
  readonly node: OperationHost & Operations;
  /** Who is behind the socket. Only the owner is also served in the original's frames. */
  readonly caller: Caller;
  readonly clock: Clock;
  readonly log: Log;
}

/** One door of the daemon: a Unix socket behind which the operations of a node are asked for. */
export class ControlServer implements AsyncDisposable {
  readonly #options: ControlServerOptions;
  readonly #connections = new Map<ServedConnection, Promise<void>>();
  readonly #ending = new AbortController();
  readonly #door: Door;
  readonly #clientsMax = clientsMax(filesAllowed());
  readonly #watchingMax = this.#clientsMax - Math.max(1, Math.floor(this.#clientsMax * ASKING_SHARE));
  /** Let in, and waiting for their turn to be served. */
  #arriving = 0;
  #socket: KeptSocket | undefined;
  #look: Disposable | undefined;
  /** When it was last said that no file can be opened. */
  #toldAt: SteadyMs | undefined;

  private constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#door = new Door(options.clock, options.caller);
  }

  /** Listens from now on. Throws `already_running` when another answers there, `data_root_invalid` when the socket cannot be bound. */
  static async start(options: ControlServerOptions): Promise<ControlServer> {
    const server = new ControlServer(options);
    server.#socket = await KeptSocket.bind({ ...options, opened: (stream) => server.#accept(stream) });
    server.#lookLater();
    return server;
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Takes no more clients, removes the socket, ends watchers and gives running calls a moment to finish.
   * Clients that asked for the end stay connected until the process is gone. Idempotent.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    // Once only: by the second time the path may be another's.
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#look?.[Symbol.dispose]();
    this.#socket?.[Symbol.dispose]();
    for (const connection of this.#connections.keys()) if (connection.isIdle) connection[Symbol.dispose]();
    await atMost(
      this.#options.clock,
      FINISH_MS,
      Promise.all([...this.#connections.keys()].map((served) => served.settled())),
    );
    for (const connection of this.#connections.keys()) connection[Symbol.dispose]();
  }

  /** Taking a connection costs little; what serving it takes has its turn, for somebody may connect again and again. */
  #accept(stream: SocketStream): void {
    const mayWait = this.#clientsMax === CONNECTIONS_MAX && this.#arriving < ARRIVING_MAX && canOpen(SPARE_FILES);
    if (!mayWait) {
      this.#serve(stream);
      return;
    }
    this.#arriving += 1;
    void this.#door.firstTurns.take().then(() => {
      this.#arriving -= 1;
      // Who has gone by then waits for nothing.
      if (stream.isOver) stream.destroy();
      else this.#serve(stream);
    });
  }

  #serve(stream: SocketStream): void {
    const { caller, clock, log, node } = this.#options;
    const bodies = new BodyRoom(node, caller, this.#door.largeRequests);
    const connection = new ControlConnection(stream, bodies.limit, { clock, withinMs: FRAME_MS });
    if (this.#ending.signal.aborted) {
      connection[Symbol.dispose]();
      return;
    }
    const message = this.#whyNotNow();
    if (message !== undefined) {
      // Said before any request, in the frame that every client understands.
      void connection
        .send({ kind: "error", type: "error", code: "UNAVAILABLE", group_id: undefined, message })
        .catch(() => {})
        .finally(() => connection[Symbol.dispose]());
      return;
    }
    const served = new ServedConnection({
      connection,
      node,
      caller,
      clock,
      log,
      door: this.#door,
      bodies,
      makeRoom: (bytes) => this.#makeRoomFor(bytes),
      whyNotWatch: () => this.#whyNotWatch(served),
      ending: this.#ending.signal,
      // It stays open whatever becomes of the others.
      onLast: () => this.#connections.delete(served),
    });
    const serving = served
      .serve()
      // A frame we could not read, or a client that has gone: there is nobody to tell.
      .catch((error: unknown) => log.debug("control socket: connection ended", error))
      .finally(() => {
        served.end();
        this.#connections.delete(served);
      });
    this.#connections.set(served, serving);
  }

  /** Why no further client can be served; `undefined` when one can, if need be because another that did nothing has gone. */
  #whyNotNow(): string | undefined {
    if (this.#connections.size >= this.#clientsMax && !this.#makeRoom()) {
      return `${FULL}: it serves at most ${this.#clientsMax} clients at a time; try again`;
    }
    if (canOpen(SPARE_FILES)) return undefined;
    this.#tellNoFiles();
    if (this.#makeRoom()) return undefined;
    return `${FULL}: it has as many files open as it may; try again, and start it with a higher limit ("ulimit -n")`;
  }

  /**
   * Where no file can be opened, no client can be let in, and the runtime would look at the one that waits for ever,
   * without rest: those that do nothing give way.
   */
  #lookLater(): void {
    const { clock } = this.#options;
    this.#look = clock.after(
      LOOK_EVERY_MS,
      () => {
        while (!canOpen(SPARE_FILES)) {
          this.#tellNoFiles();
          if (!this.#makeRoom()) break;
        }
        this.#lookLater();
      },
      { idle: true },
    );
  }

  #tellNoFiles(): void {
    const { clock, log, path } = this.#options;
    const now = clock.steady();
    if (this.#toldAt !== undefined && now - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = now;
    log.warn(
      `control socket ${path}: this process has as many files open as it may; clients that do nothing give way, others are told to try again; raise the limit ("ulimit -n")`,
      { clients: this.#connections.size },
    );
  }

  /** Who takes nothing of much that waits gives way; a client that reads has little waiting. */
  #makeRoomFor(bytes: number): void {
    let worst: ServedConnection | undefined;
    let waiting = bytes;
    for (const served of this.#connections.keys()) {
      waiting += served.unsentBytes;
      if (served.unsentBytes > (worst?.unsentBytes ?? 0)) worst = served;
    }
    if (waiting <= this.#door.unsentMaxBytes || worst === undefined) return;
    this.#options.log.warn("control socket: a client that takes no answers is disconnected", {
      waiting: worst.unsentBytes,
    });
    worst[Symbol.dispose]();
  }

  /** Why this client may not begin to watch; `undefined` when it may. Those who watch leave places to those who ask. */
  #whyNotWatch(asking: ServedConnection): string | undefined {
    let watching = 0;
    for (const served of this.#connections.keys()) if (served !== asking && served.isWatching) watching += 1;
    if (watching < this.#watchingMax) return undefined;
    return `${FULL}: of its ${this.#clientsMax} clients at most ${this.#watchingMax} may watch at a time; try again`;
  }

  /**
   * Kept connections on which nothing happens give way, those first on which least was asked, the one quiet longest of
   * them: who comes and goes takes no place of who stays. Where there is none, one that only watches, which can go on later from its place and is told so.
   */
  #makeRoom(): boolean {
    const quietest =
      this.#quietest((served) => served.isIdle) ?? this.#quietest((served) => served.isWatching && !served.isAsking);
    if (quietest === undefined) return false;
    this.#connections.delete(quietest);
    // A kept connection that nobody uses is made again when it is needed; a request that is on its way is told the reason.
    void quietest.giveWay(
      quietest.isWatching
        ? `${FULL}: who only watches gave way to another; go on from your place later`
        : `${FULL}: it serves at most ${this.#clientsMax} clients at a time; try again`,
    );
    return true;
  }

  #quietest(may: (served: ServedConnection) => boolean): ServedConnection | undefined {
    let quietest: ServedConnection | undefined;
    for (const served of this.#connections.keys()) {
      if (!may(served)) continue;
      const isLess =
        quietest === undefined ||
        served.heard < quietest.heard ||
        (served.heard === quietest.heard && served.quietSince < quietest.quietSince);
      if (isLess) quietest = served;
    }
    return quietest;
  }
}

/** How many clients a socket has at a time in a process that may have `allowed` files open. */
function clientsMax(allowed: number): number {
  return Math.min(CONNECTIONS_MAX, Math.max(CLIENTS_MIN, Math.floor(allowed * CLIENTS_SHARE)));
}
