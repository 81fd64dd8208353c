import { rmSync } from "node:fs";
import type { UnixSocketListener } from "bun";
import { EntmootError, type ErrorCode } from "../core/errors.ts";
import { GroupId } from "../core/ids.ts";
import type { Log } from "../host/log.ts";
import type { DaemonOperations } from "../node/daemon-operations.ts";
import { type ControlFrame, decodeControlFrame } from "../wire/control/control-frame.ts";
import { EXTENSION_TYPE_MIN } from "../wire/frame/frame-types.ts";
import { bindSocket } from "./bind-socket.ts";
import { controlFailure } from "./control-error.ts";
import { FrameConnection } from "./frame-connection.ts";
import type { Exchange, Restart } from "./handler.ts";
import { within } from "./patience.ts";
import { asksForStream, handlerOf } from "./requests.ts";
import type { SocketStream } from "./socket-stream.ts";

/** Ours. Clients at a time; a further one is told to try again. */
const CONNECTIONS_MAX = 256;
/** Ours. Of them, how many may watch without end, so that requests always find a place. */
const STREAMS_MAX = 192;
/** Wire. How long a new client has for its first frame. */
const FIRST_FRAME_MS = 10_000;
/** Ours. How long a client has to take a reply. */
const REPLY_MS = 30_000;
/** Ours. How long running requests have at the end of the daemon. */
const FINISH_MS = 2_000;
/** Wire. Text of a refusal at most, in UTF-8 bytes. */
const REFUSAL_BYTES_MAX = 1_024;

export interface ControlServerOptions {
  /** Where to listen: `<data>/control.sock`. */
  readonly path: string;
  readonly node: DaemonOperations;
  readonly log: Log;
  /** How the daemon starts again in place; `undefined` when it cannot. */
  readonly restart?: Restart;
  /** Shorter in tests. */
  readonly firstFrameMs?: number;
}

/** The daemon's side of the control socket: one request a connection, answered by the node. */
export class ControlServer implements AsyncDisposable {
  readonly #options: ControlServerOptions;
  readonly #listener: UnixSocketListener<SocketStream>;
  readonly #connections = new Map<FrameConnection, Serving>();
  readonly #ending = new AbortController();
  #streams = 0;

  private constructor(options: ControlServerOptions) {
    this.#options = options;
    this.#listener = bindSocket(options.path, (stream) => this.#accept(stream));
  }

  /** Listens from now on. Throws `data_root_invalid` when the socket cannot be bound. */
  static start(options: ControlServerOptions): ControlServer {
    return new ControlServer(options);
  }

  /** How many clients are connected. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * Takes no more clients, removes the socket, ends watchers and gives running requests a moment to finish.
   * Clients of `stop` stay connected until the process is gone. Idempotent.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    // Once only: by the second time the path may be another's.
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    this.#listener.stop(false);
    rmSync(this.#options.path, { force: true });
    for (const [connection, serving] of this.#connections) if (!serving.asked) connection[Symbol.dispose]();
    await Promise.race([Promise.all([...this.#connections.values()].map(({ done }) => done)), Bun.sleep(FINISH_MS)]);
    for (const connection of this.#connections.keys()) connection[Symbol.dispose]();
  }

  #accept(stream: SocketStream): void {
    const connection = new FrameConnection(stream);
    if (this.#ending.signal.aborted) {
      connection[Symbol.dispose]();
      return;
    }
    if (this.#connections.size >= CONNECTIONS_MAX) {
      // Said before any request, in the frame that every client understands.
      const message = `the daemon serves at most ${CONNECTIONS_MAX} clients at a time; try again`;
      void connection
        .send({ kind: "error", type: "error", code: "UNAVAILABLE", group_id: undefined, message }, within(0))
        .catch(() => {})
        .finally(() => connection[Symbol.dispose]());
      return;
    }
    const serving: Serving = { asked: false, done: Promise.resolve() };
    this.#connections.set(connection, serving);
    serving.done = this.#serve(connection, serving)
      // A frame we could not read, or a client that has gone: there is nobody to tell.
      .catch((error: unknown) => this.#options.log.debug("control socket: connection ended", error))
      .finally(() => {
        connection[Symbol.dispose]();
        this.#connections.delete(connection);
      });
  }

  async #serve(connection: FrameConnection, serving: Serving): Promise<void> {
    const frame = await connection.receiveRaw(within(this.#options.firstFrameMs ?? FIRST_FRAME_MS));
    if (frame === null) return; // Somebody looked whether we are here.
    serving.asked = true;
    let request: ControlFrame;
    try {
      request = decodeRequest(frame.type, frame.body);
    } catch (error) {
      // Only a client of ours understands a refusal; the original closes without a word.
      if (frame.type < EXTENSION_TYPE_MIN) throw error;
      await connection.send(failureFrame(frame.type, error, undefined), within(REPLY_MS));
      return;
    }
    if (endsDaemon(request)) this.#connections.delete(connection);
    await this.#answer(connection, request, frame.type);
  }

  async #answer(connection: FrameConnection, request: ControlFrame, type: number): Promise<void> {
    const isStream = asksForStream(request);
    if (isStream) this.#streams += 1;
    try {
      const parts = {
        node: this.#options.node,
        restart: this.#options.restart,
        connection,
        ending: this.#ending.signal,
        isStream,
      };
      const handle = handlerOf(request);
      if (handle === undefined) throw new EntmootError("invalid_argument", `unexpected ipc type ${request.kind}`);
      if (this.#streams > STREAMS_MAX && isStream) {
        throw new EntmootError("unavailable", `at most ${STREAMS_MAX} watchers at a time; end one and try again`);
      }
      await handle(request, new ServerExchange(parts));
    } catch (error) {
      if (!(error instanceof EntmootError)) this.#options.log.error("control socket: request failed", error);
      if (isStream && (connection.gone.aborted || this.#ending.signal.aborted)) return;
      await connection.send(
        failureFrame(type, inOriginalWords(request, error), groupNamed(request, error)),
        within(REPLY_MS),
      );
    } finally {
      if (isStream) this.#streams -= 1;
    }
  }
}

interface ExchangeParts {
  readonly node: DaemonOperations;
  readonly restart: Restart | undefined;
  readonly connection: FrameConnection;
  readonly ending: AbortSignal;
  readonly isStream: boolean;
}

/** What a handler gets. Its signal is made only for those that ask: a publish is over before anybody leaves. */
class ServerExchange implements Exchange {
  readonly node: DaemonOperations;
  readonly restart: Restart | undefined;
  readonly #parts: ExchangeParts;
  #gone: AbortSignal | undefined;

  constructor(parts: ExchangeParts) {
    this.node = parts.node;
    this.restart = parts.restart;
    this.#parts = parts;
  }

  get gone(): AbortSignal {
    this.#gone ??= AbortSignal.any([this.#parts.connection.gone, this.#parts.ending]);
    return this.#gone;
  }

  // A watcher may stop reading for as long as it likes: it holds one message, and the log keeps the rest.
  readonly send = (frame: ControlFrame): Promise<void> =>
    this.#parts.connection.send(frame, this.#parts.isStream ? { signal: this.gone } : within(REPLY_MS));
}

/** Its client stays connected until the process is gone or another program. */
function endsDaemon(request: ControlFrame): boolean {
  return request.kind === "stop_req" || (request.kind === "restart_req" && !request.ask_only);
}

/** One client: whether its request has come, and the end of its service. */
interface Serving {
  asked: boolean;
  done: Promise<void>;
}

function decodeRequest(type: number, body: Uint8Array): ControlFrame {
  const request = decodeControlFrame(type, body);
  if (request.kind !== "unknown_extension") return request;
  throw new EntmootError("unknown_frame", `control socket: type 0x${type.toString(16)} is not known to this version`);
}

/** The group an error frame names, as the original chooses it: the one asked for, unless it is none. */
function groupNamed(request: ControlFrame, error: unknown): GroupId | undefined {
  // One that names nothing may be the zero id, and is told so.
  if (request.kind === "signed_publish_req") return request.message.group_id;
  if (handlerOf(request) === undefined) return undefined;
  // A publish is checked before its group is looked for.
  const isArgument = error instanceof EntmootError && error.code === "invalid_argument";
  if (request.kind === "publish_req" && isArgument) return undefined;
  const { group_id } = request.kind === "join_group_req" ? request.invite : { group_id: undefined, ...request };
  return group_id === GroupId.zero ? undefined : group_id;
}

/** Two of the original's requests say in their errors what failed. */
function inOriginalWords(request: ControlFrame, error: unknown): unknown {
  if (!(error instanceof EntmootError) || error.code === "group_not_found") return error;
  const what = WORDS[request.kind as keyof typeof WORDS];
  return what === undefined ? error : new EntmootError(error.code, `${what}: ${error.message}`, { cause: error });
}

const WORDS = { signed_publish_req: "signed publish", join_group_req: "join group" } as const;

/** The original's clients get the original's error; ours get a refusal with the exact code. */
function failureFrame(type: number, error: unknown, groupId: GroupId | undefined): ControlFrame {
  const { code, message } = controlFailure(error);
  if (type < EXTENSION_TYPE_MIN) return { kind: "error", type: "error", code, group_id: groupId, message };
  const exact: ErrorCode = error instanceof EntmootError ? error.code : "internal";
  return {
    kind: "refused",
    of_type: type,
    code: exact,
    message: cutUtf8(message, REFUSAL_BYTES_MAX),
    group_id: groupId,
  };
}

function cutUtf8(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= maxBytes) return text;
  // A character cut in half decodes to a replacement character, which goes too.
  return new TextDecoder().decode(bytes.subarray(0, maxBytes - 3)).replace(/\ufffd+$/, "");
}
